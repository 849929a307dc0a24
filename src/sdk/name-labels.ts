/**
 * Labels that are a part of the metric's name: keys the kernel may add to, each of which is a metric of its own.
 *
 *   field: counter({ name: 'huatuo_bamai_netstat_{key}', labels: ['key', 'device'], help: 'Field {key}.' })
 *   metrics.field.set(7, { key: 'Tcp_InSegs', device: 'eth0' })  ──►  huatuo_bamai_netstat_Tcp_InSegs{device="eth0"} 7
 */

const PLACEHOLDER = /\{(\w+)\}/g;

/** Names of the labels that stand in the name, as `{label}`. */
export function nameLabels(name: string): string[] {
  return Array.from(name.matchAll(PLACEHOLDER), ([, label]) => label as string);
}

/** The name of one series, or its help: each `{label}` is the label's value. */
export function fillIn(template: string, labels: Readonly<Record<string, string>>): string {
  return template.replace(PLACEHOLDER, (placeholder, label: string) => labels[label] ?? placeholder);
}

/** A key of the kernel's as it may stand in a name: `hugetlb.2MB.max` is `hugetlb_2MB_max`. */
export function namePart(key: string): string {
  return key.replaceAll(/[^a-zA-Z0-9_]/g, '_');
}
