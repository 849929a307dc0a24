/** Names of metrics that others have, and what became of each here: tables in `docs` that are written by hand. */
import { at } from '../paths.ts';
import { readIfThere } from './files.ts';

export interface NamedElsewhere {
  /** Ends in `*` for all that begin so; has `{key}` where others have keys of the kernel. */
  readonly name: string;
  /** Empty where it makes no difference. */
  readonly type: string;
  /** On dashboards the type that the metric of this name has here, else the name that it has here; empty when there is none. */
  readonly here: string;
  /** Why there is none, and what to use in its place. */
  readonly reason: string;
}

/** Names on dashboards of existing HuaTuo. */
export const DASHBOARD_NAMES = 'docs/dashboard-metrics.tsv';
/** What node_exporter shows with its defaults. */
export const NODE_EXPORTER_NAMES = 'docs/node-exporter.tsv';

/** What programs of Node show of themselves with prom-client's defaults. */
export const NODE_PROCESS_NAMES = 'docs/node-process.tsv';

/** @returns the rows below the head, in the order of the file */
export function readNames(path: string): NamedElsewhere[] {
  const [head = '', ...lines] = (readIfThere(at(path)) ?? '').trimEnd().split('\n');
  const columns = head.split('\t');
  return lines.map((line) => {
    const cells = new Map(line.split('\t').map((text, column) => [columns[column], text]));
    const column = (name: keyof NamedElsewhere): string => cells.get(name) ?? '';
    return { name: column('name'), type: column('type'), here: column('here'), reason: column('reason') };
  });
}
