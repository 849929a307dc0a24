/**
 * Tables of /proc/net/stat: a title line, then a row of hexadecimal numbers for each CPU. neigh_stat_seq_show() in
 * net/core/neighbour.c, ct_cpu_seq_show() in net/netfilter/nf_conntrack_standalone.c.
 */
import { hexadecimal, words } from './numbers.ts';

/**
 * @returns for each column the sum over CPUs; `entries` once, because each row has the whole of it. Nothing for an empty file
 */
export function parseNetStatTable(text: string): Map<string, number> {
  const [title = '', ...rows] = text.split('\n');
  const columns = words(title);
  const sums = new Map<string, number>();
  for (const row of rows) {
    const values = words(row);
    columns.forEach((column, index) => {
      const value = hexadecimal(values[index]);
      if (value === undefined) return;
      sums.set(column, column === 'entries' ? value : (sums.get(column) ?? 0) + value);
    });
  }
  return sums;
}
