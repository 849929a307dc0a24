/** `huatuo list`: what there is, what runs, and why not. */
import { objectSource } from '../agent/object-source.ts';
import type { Catalog } from '../catalog/catalog.ts';
import type { EffectiveConfig } from '../config/effective.ts';
import type { ErrorCode } from '../error.ts';
import type { ProgramStatus } from '../kernel/programs.ts';
import type { CollectorKind } from '../sdk/collector.ts';
import type { Log } from '../sdk/context.ts';
import { lackOf } from '../sdk/host-need.ts';
import { refusalLine } from './refusal-line.ts';
import { formatTable } from './table.ts';

export interface ListedCollector {
  readonly name: string;
  readonly aliases: readonly string[];
  /** null when the collector is invalid */
  readonly kind: CollectorKind | null;
  readonly doc: string;
  readonly enabled: boolean;
  /** Whether this kernel can run it; `invalid` collectors run nowhere. */
  readonly state: 'supported' | 'unsupported' | 'invalid';
  readonly reason: { readonly code: ErrorCode; readonly message: string } | null;
  /** Its BPF programs: which run here, which do not, and why. */
  readonly programs: readonly ProgramStatus[];
}

/** Every collector, the invalid ones last. Has the kernel look at each object, one after the other; attaches nothing. */
export async function listCollectors(catalog: Catalog, config: EffectiveConfig): Promise<ListedCollector[]> {
  const { inspect } = await import('../kernel/inspect.ts');
  const usable: ListedCollector[] = [];
  for (const entry of catalog.entries) {
    const source = objectSource(entry, { config, log: SILENT });
    const lack = entry.needs && lackOf(entry.needs, config.path);
    const { error = lack, programs } = source ? await inspect(source) : { programs: [] };
    usable.push({
      name: entry.name,
      aliases: entry.aliases,
      kind: entry.kind,
      doc: entry.doc,
      enabled: config.collectors[entry.name]?.enabled ?? false,
      state: error ? 'unsupported' : 'supported',
      reason: error ? { code: error.code, message: error.message } : null,
      programs,
    });
  }
  const broken = catalog.broken.map(({ name, error }): ListedCollector => {
    const reason = { code: error.code, message: error.message };
    return { name, aliases: [], kind: null, doc: '', enabled: false, state: 'invalid', reason, programs: [] };
  });
  return [...usable, ...broken];
}

const SILENT: Log = { debug() {}, info() {}, warn() {}, error() {} };

/** What is missing and why, and which variant runs instead of a better one. */
function describePrograms(programs: readonly ProgramStatus[]): string[] {
  const running = new Map(
    programs.flatMap((status) => (status.state === 'runs' ? [[status.purpose, status] as const] : [])),
  );
  return programs.flatMap(({ program, purpose, state, reason }) => {
    if (state !== 'missing') return [];
    const instead = purpose === undefined ? undefined : running.get(purpose);
    const what = instead ? `${instead.program} (${instead.section}) instead of` : 'Without';
    return [`${what} ${program}: ${refusalLine(reason ?? '')}.`];
  });
}

/** A table for people. The last column says why not, or what it is for. */
export function formatList(collectors: readonly ListedCollector[]): string {
  return formatTable(
    ['COLLECTOR', 'KIND', 'ENABLED', 'STATE', 'ABOUT'],
    collectors.map(({ name, kind, enabled, state, reason, doc, programs }) => [
      name,
      kind ?? '-',
      enabled ? 'yes' : 'no',
      state,
      reason?.message ?? [doc, ...describePrograms(programs)].join(' '),
    ]),
    (row) => row[3] !== 'supported',
  );
}
