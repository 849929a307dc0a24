/**
 * Counters of the network protocols of a namespace: /proc/<pid>/net/snmp (snmp_seq_show() in net/ipv4/proc.c), netstat
 * (netstat_seq_show() there), and snmp6 (snmp6_seq_show() in net/ipv6/proc.c). Kernels add to all three.
 */
import { namePart } from '../sdk/name-labels.ts';

/** Told of each counter: `Tcp_InSegs`, `TcpExt_ListenDrops`, `Ip6_InReceives`. */
export type OnCounter = (key: string, value: number) => void;

/** They are the same at each scrape, but for `IcmpMsg`, which has a column for each type that was met. */
const MAX_TITLES = 256;
const MAX_NAMES = 1024;

/** Keys of the wanted counters by the kernel's titles and names: these do not change, so they are taken apart once in a thread. */
export class CounterColumns {
  readonly #isWanted: (key: string) => boolean;
  readonly #columns = new Map<string, readonly (string | undefined)[]>();
  readonly #names = new Map<string, string | undefined>();

  constructor(isWanted: (key: string) => boolean) {
    this.#isWanted = isWanted;
  }

  /** `Tcp: RtoAlgorithm RtoMin …` @returns undefined in place of those that are not wanted */
  of(title: string): readonly (string | undefined)[] {
    const known = this.#columns.get(title);
    if (known) return known;
    const [protocol = '', ...names] = title.split(' ');
    const prefix = protocol.slice(0, -1);
    const columns = names.map((name) => this.#key(`${prefix}_${name}`));
    if (this.#columns.size >= MAX_TITLES) this.#columns.clear();
    this.#columns.set(title, columns);
    return columns;
  }

  /** `Ip6InReceives` @returns undefined for one that is not wanted, and for one without a protocol that ends with a 6 */
  ofName(name: string): string | undefined {
    if (this.#names.has(name)) return this.#names.get(name);
    const six = name.indexOf('6') + 1;
    const hasProtocol = six > 1 && six < name.length;
    const key = hasProtocol ? this.#key(`${name.slice(0, six)}_${name.slice(six)}`) : undefined;
    if (this.#names.size >= MAX_NAMES) this.#names.clear();
    this.#names.set(name, key);
    return key;
  }

  #key(key: string): string | undefined {
    const part = namePart(key);
    return this.#isWanted(part) ? part : undefined;
  }
}

/** Two lines for each protocol, titles and values; a pair that does not fit together is passed over. */
export function parseNetCounters(text: string, columns: CounterColumns, onCounter: OnCounter): void {
  const lines = text.split('\n');
  for (let at = 0; at + 1 < lines.length; at += 2) {
    const [title = '', row = ''] = [lines[at], lines[at + 1]];
    const colon = title.indexOf(':');
    if (colon <= 0 || !row.startsWith(title.slice(0, colon + 1))) continue;
    const keys = columns.of(title);
    const values = row.slice(colon + 2).split(' ');
    for (let column = 0; column < keys.length; column++) {
      const key = keys[column];
      const value = values[column];
      if (key !== undefined && value !== undefined) tell(key, value, onCounter);
    }
  }
}

/** `Ip6InReceives   <tab>71`: a line each. The protocol ends with its 6, as in `Ip6_InReceives`. */
export function parseNetCounters6(text: string, columns: CounterColumns, onCounter: OnCounter): void {
  for (const line of text.split('\n')) {
    const tab = line.indexOf('\t');
    if (tab === -1) continue;
    const key = columns.ofName(line.slice(0, tab).trimEnd());
    if (key !== undefined) tell(key, line.slice(tab + 1), onCounter);
  }
}

function tell(key: string, text: string, onCounter: OnCounter): void {
  const value = Number(text);
  if (text !== '' && Number.isFinite(value)) onCounter(key, value);
}
