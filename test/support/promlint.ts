/**
 * The naming rules of prometheus.io, over rendered text: what `promtool check metrics` would complain about, and what makes
 * Prometheus refuse a page.
 */

interface Family {
  readonly name: string;
  help?: string;
  type?: string;
  readonly labels: Set<string>;
  readonly series: string[];
}

const LINE = /^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (\S+)$/s;
const LABEL = /([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\[\\"n])*)"(?:,|$)/y;
const VALUE = /^(?:[+-]?Inf|NaN|Nan|[+-]?[0-9.]+(?:e[+-]?[0-9]+)?)$/;
const NON_BASE_UNIT =
  /(?:^|_)(?:nanoseconds?|microseconds?|milliseconds?|minutes?|hours?|days?|ns|us|ms|kilobytes?|megabytes?|bits?|kb|mb|percent)(?:_|$)/;

/**
 * Names that dashboards of existing HuaTuo select by, or that the kernel gives, and that break a rule of naming: the one list of what is forced. All
 * other metrics keep to the rules, those with upstream's prefix, too. Keys of the kernel's files are names there, and most of
 * them count.
 */
const FORCED_NAMES: readonly RegExp[] = [
  /^huatuo_bamai_cpu_util_(container_)?total$/,
  /^huatuo_bamai_cpu_stat_container_\w+$/,
  /^huatuo_bamai_diskio_disk_iowait_percent$/,
  /^huatuo_bamai_iolatency_(container_)?blkdisk_(d2c|q2c)$/,
  /^huatuo_bamai_memory_events_container_\w+$/,
  /^huatuo_bamai_memory_free_(allocpages|compaction)_stall$/,
  /^huatuo_bamai_memory_others_container_\w+_time$/,
  /^huatuo_bamai_memory_reclaim_container_directstall$/,
  /^huatuo_bamai_memory_vmstat_(container_)?\w+$/,
  /^huatuo_bamai_netstat_(container_)?\w+$/,
  /^huatuo_bamai_runqlat_(container_)?latency$/,
  /^huatuo_bamai_softirq_latency$/,
  /^huatuo_bamai_sockstat_(container_)?\w+$/,
  /^huatuo_bamai_tcp_memory_usage_percent$/,
  /^huatuo_bamai_arp_total$/,
  // The kernel's SecPageTables: promtool takes `sec` for a unit.
  /^huatuo_memory_info_sec_page_tables_bytes$/,
];

export function isForcedName(name: string): boolean {
  // A family of units is called as that of containers is.
  const asOfContainers = name.replace('_unit_', '_container_');
  return FORCED_NAMES.some((forced) => forced.test(name) || forced.test(asOfContainers));
}

/** @returns one sentence for each problem; of forced names only what breaks a page */
export function promlint(page: string): string[] {
  const problems: string[] = [];
  const families = parse(page, problems);
  for (const family of families.values()) {
    problems.push(...broken(family));
    if (family.name.startsWith('huatuo_') && !isForcedName(family.name))
      problems.push(...unidiomatic(family));
  }
  return problems;
}

function parse(page: string, problems: string[]): Map<string, Family> {
  const families = new Map<string, Family>();
  const familyOf = (name: string): Family => {
    const family = families.get(name) ?? { name, labels: new Set(), series: [] };
    families.set(name, family);
    return family;
  };
  if (!page.endsWith('\n')) problems.push('the page does not end in a newline');
  for (const line of page.split('\n')) {
    const comment = /^# (HELP|TYPE) (\S+) ?(.*)$/.exec(line);
    if (comment) {
      const [, kind, name = '', text = ''] = comment;
      const family = familyOf(name);
      const key = kind === 'HELP' ? 'help' : 'type';
      if (family[key] !== undefined) problems.push(`${name} has two ${kind} lines`);
      family[key] = text;
    } else if (line !== '') sample(line, families, familyOf, problems);
  }
  return families;
}

function sample(
  line: string,
  families: ReadonlyMap<string, Family>,
  familyOf: (name: string) => Family,
  problems: string[],
): void {
  const found = LINE.exec(line);
  if (!found) {
    problems.push(`unreadable line: ${JSON.stringify(line)}`);
    return;
  }
  const [, name = '', labels = '', value = ''] = found;
  const base = name.replace(/_(bucket|sum|count)$/, '');
  const family = familyOf(families.get(base)?.type === 'histogram' ? base : name);
  family.series.push(`${name}{${labels}}`);
  if (!VALUE.test(value)) problems.push(`${name} has the value ${value}`);
  LABEL.lastIndex = 0;
  while (LABEL.lastIndex < labels.length) {
    const label = LABEL.exec(labels);
    if (!label) {
      problems.push(`${name} has unreadable labels: ${JSON.stringify(labels)}`);
      return;
    }
    family.labels.add(label[1] ?? '');
  }
}

function broken({ name, type, help, series }: Family): string[] {
  const problems: string[] = [];
  if (type === undefined) problems.push(`${name} has no TYPE`);
  if (!help) problems.push(`${name} has no HELP`);
  if (new Set(series).size !== series.length) problems.push(`${name} has the same series twice`);
  return problems;
}

function unidiomatic({ name, type, labels }: Family): string[] {
  const problems: string[] = [];
  const say = (fault: string): void => void problems.push(`${name} ${fault}`);
  if (type === 'counter' && !name.endsWith('_total')) say('is a counter and does not end in _total');
  if (type !== 'counter' && name.endsWith('_total')) say('ends in _total and is not a counter');
  if (type !== 'histogram' && /_(bucket|sum|count)$/.test(name)) say('ends in a suffix of histograms');
  if (type !== 'histogram' && labels.has('le')) say('has the label le');
  if (labels.has('quantile')) say('has the label quantile');
  if (name.includes(':')) say('has a colon');
  if (/[a-z][A-Z]/.test(name)) say('is in camelCase');
  if (/_(counter|gauge|histogram|metric)(_|$)/.test(name)) say('has its type in its name');
  if (NON_BASE_UNIT.test(name)) say('is not in base units');
  if ([...labels].some((label) => /[a-z][A-Z]/.test(label))) say('has a label in camelCase');
  return problems;
}
