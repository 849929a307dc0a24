/**
 * What a scraper of OpenMetrics 1.0 refuses, beside what `promlint` says of both formats.
 * https://prometheus.io/docs/specs/om/open_metrics_spec/
 */

const SUFFIXES: Readonly<Record<string, readonly string[]>> = {
  counter: ['_total'],
  gauge: [''],
  unknown: [''],
  histogram: ['_bucket', '_sum', '_count'],
};
const NUMBER = /^(?:[+-]?Inf|NaN|[+-]?\d+(?:\.\d+)?(?:e[+-]?\d+)?)$/;

/** @returns one sentence for each problem */
export function openMetricsLint(page: string): string[] {
  const problems: string[] = [];
  if (!page.endsWith('# EOF\n')) problems.push('the page does not end in # EOF');
  const seen = new Set<string>();
  let family: { readonly name: string; type?: string; unit?: string } | undefined;
  for (const line of page
    .replace(/# EOF\n$/, '')
    .split('\n')
    .slice(0, -1)) {
    const [, kind, name = '', text = ''] = /^# (HELP|TYPE|UNIT) (\S+) (.*)$/s.exec(line) ?? [];
    if (kind !== undefined) {
      if (family?.name !== name) {
        if (seen.has(name)) problems.push(`${name} is in two pieces`);
        seen.add(name);
        family = { name };
      }
      if (kind === 'TYPE') family.type = text;
      if (kind === 'UNIT' && !name.endsWith(`_${text}`)) problems.push(`${name} has the unit ${text}`);
      if (kind === 'TYPE' && !(text in SUFFIXES)) problems.push(`${name} has the type ${text}`);
      continue;
    }
    const [, sample = '', value = ''] = /^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{.*\})? (\S+)$/s.exec(line) ?? [];
    const suffixes = SUFFIXES[family?.type ?? ''] ?? [];
    if (!suffixes.some((suffix) => sample === `${family?.name}${suffix}`))
      problems.push(`${JSON.stringify(line)} is not of ${family?.type} ${family?.name}`);
    if (!NUMBER.test(value)) problems.push(`${sample} has the value ${value}`);
    if (family?.type === 'counter' && !(Number(value) >= 0)) problems.push(`counter ${sample} is ${value}`);
  }
  return problems;
}
