/** What collectors of network devices have in common. */
import { counter, pattern } from '../../sdk/index.ts';

/** Loopback, and devices that come and go with containers. */
const PLUMBING = 'lo|docker\\w*|veth\\w*';

/** Which devices to show. */
export const DEVICE_OPTIONS: {
  readonly include: ReturnType<typeof pattern>;
  readonly exclude: ReturnType<typeof pattern>;
} = {
  include: pattern('', 'Network devices to show; empty for all'),
  exclude: pattern(PLUMBING, 'Network devices to leave out; empty for none'),
};

type CounterSpecs<Key extends string, Prefix extends string, Names extends readonly string[]> = {
  readonly [K in Key as `${Prefix}${K}_total`]: ReturnType<typeof counter<Names>>;
};

/** A counter for each key, whose name ends in `<prefix><key>_total`. @param helps by key */
export function counters<
  Key extends string,
  const Names extends readonly string[],
  const Prefix extends string = '',
>(
  helps: Readonly<Record<Key, string>>,
  labels: Names,
  prefix: Prefix = '' as Prefix,
): CounterSpecs<Key, Prefix, Names> {
  return Object.fromEntries(
    Object.entries<string>(helps).map(([key, help]) => [`${prefix}${key}_total`, counter({ help, labels })]),
  ) as CounterSpecs<Key, Prefix, Names>;
}
