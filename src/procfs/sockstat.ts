/**
 * /proc/<pid>/net/sockstat and sockstat6: sockstat_seq_show() in net/ipv4/proc.c, sockstat6_seq_show() in net/ipv6/proc.c.
 * `TCP: inuse 1 orphan 0 tw 0 alloc 1 mem 101`
 */
import { words } from './numbers.ts';
import { decimal } from './source.ts';

/** @returns values by `<protocol>_<field>`, such as `TCP_inuse`; what is no number is left out */
export function parseSockstat(text: string): Map<string, number> {
  const values = new Map<string, number>();
  for (const line of text.split('\n')) {
    const colon = line.indexOf(':');
    if (colon <= 0) continue;
    const protocol = line.slice(0, colon);
    const fields = words(line.slice(colon + 1));
    for (let at = 0; at + 1 < fields.length; at += 2) {
      const value = decimal(fields[at + 1]);
      if (value !== undefined) values.set(`${protocol}_${fields[at]}`, value);
    }
  }
  return values;
}
