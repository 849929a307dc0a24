/** `huatuo list`: what there is, what runs, and why not. */
import type { Catalog } from '../catalog/catalog.ts';
import type { EffectiveConfig } from '../config/effective.ts';
import type { ErrorCode } from '../error.ts';
import type { CollectorKind } from '../sdk/collector.ts';
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
}

/** Every collector, the invalid ones last. Asks the kernel, changes nothing. */
export async function listCollectors(catalog: Catalog, config: EffectiveConfig): Promise<ListedCollector[]> {
  const { probe } = await import('../kernel/features.ts');
  const usable = catalog.entries.map((entry): ListedCollector => {
    const error = probe(entry.manifest, config.path);
    return {
      name: entry.name,
      aliases: entry.aliases,
      kind: entry.kind,
      doc: entry.doc,
      enabled: config.collectors[entry.name]?.enabled ?? false,
      state: error ? 'unsupported' : 'supported',
      reason: error ? { code: error.code, message: error.message } : null,
    };
  });
  const broken = catalog.broken.map(({ name, error }): ListedCollector => {
    const reason = { code: error.code, message: error.message };
    return { name, aliases: [], kind: null, doc: '', enabled: false, state: 'invalid', reason };
  });
  return [...usable, ...broken];
}

/** A table for people. The last column says why not, or what it is for. */
export function formatList(collectors: readonly ListedCollector[]): string {
  return formatTable(
    ['COLLECTOR', 'KIND', 'ENABLED', 'STATE', 'ABOUT'],
    collectors.map(({ name, kind, enabled, state, reason, doc }) => [
      name,
      kind ?? '-',
      enabled ? 'yes' : 'no',
      state,
      reason?.message ?? doc,
    ]),
    (row) => row[3] !== 'supported',
  );
}
