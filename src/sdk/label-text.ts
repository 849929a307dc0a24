/**
 * Labels as they stand on a page. Kernel and containers choose the values, so any text is escaped as the format asks: `\`, `"` and
 * the end of a line, which is what keeps a line one series.
 */

const SPECIAL = /[\\"\n]/;
const EVERY_SPECIAL = /[\\"\n]/g;
const ESCAPED: Readonly<Record<string, string>> = { '\\': '\\\\', '"': '\\"', '\n': '\\n' };

export function escapeLabelValue(value: string): string {
  return SPECIAL.test(value) ? value.replace(EVERY_SPECIAL, (special) => ESCAPED[special] ?? special) : value;
}

/** @returns `cpu="0",mode="user"`, in the order of the entries; empty without labels */
export function labelText(labels: Readonly<Record<string, string>>): string {
  return Object.entries(labels)
    .map(([name, value]) => `${name}="${escapeLabelValue(value)}"`)
    .join();
}
