/** Which network devices are meant, by regular expressions over the whole name. */
import { matchesWhole } from '../../sdk/name-filter.ts';

/** @param include empty is all @param exclude counts more than include; both as `pattern()` lets them pass */
export function deviceFilter(
  include: readonly string[],
  exclude: readonly string[],
): (device: string) => boolean {
  const [included, excluded] = [include.map(matchesWhole), exclude.map(matchesWhole)];
  return (device) =>
    (included.length === 0 || included.some((pattern) => pattern.test(device))) &&
    !excluded.some((pattern) => pattern.test(device));
}
