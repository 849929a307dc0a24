/**
 * Names that users of HuaTuo know, accepted wherever a collector is named: config keys and flags. The name of the
 * file stays the name in documents, metrics and directories.
 */
export const ALIASES: Readonly<Record<string, string>> = {
  memreclaim: 'memory_reclaim_events',
  netrecvlat: 'net_rx_latency',
  iotracer: 'iotracing',
};

/** The collector's own name; a name that is no alias comes back as it is. */
export function canonicalName(name: string): string {
  return Object.hasOwn(ALIASES, name) ? (ALIASES[name] as string) : name;
}

/** Other names of a collector, sorted. */
export function aliasesOf(name: string): readonly string[] {
  return Object.keys(ALIASES)
    .filter((alias) => ALIASES[alias] === name)
    .sort();
}
