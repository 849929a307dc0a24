/** Which network devices are meant, by regular expressions over the whole name. */
import { HuatuoError } from '../../error.ts';

/**
 * @param include empty is all @param exclude counts more than include
 * @throws COLLECTOR_INVALID when one is no regular expression
 */
export function deviceFilter(
  include: readonly string[],
  exclude: readonly string[],
): (device: string) => boolean {
  const included = include.map((pattern) => wholeName('include', pattern));
  const excluded = exclude.map((pattern) => wholeName('exclude', pattern));
  return (device) =>
    (included.length === 0 || included.some((pattern) => pattern.test(device))) &&
    !excluded.some((pattern) => pattern.test(device));
}

function wholeName(option: string, pattern: string): RegExp {
  try {
    return new RegExp(`^(?:${pattern})$`, 'u');
  } catch (cause) {
    throw new HuatuoError('COLLECTOR_INVALID', {
      expected: `regular expressions in ${option}, such as eth[0-9]+`,
      found: JSON.stringify(pattern),
      remedy: 'correct it and reload',
      cause,
    });
  }
}
