/** A collector's behaviour: its module's default export, or nothing beside its BPF object. */
import type { CollectorWorkerData } from '../actor/collector-protocol.ts';
import type { Collector } from '../sdk/collector.ts';

/** The catalog has checked the module's shape before the worker was started. */
export async function loadModule(data: CollectorWorkerData): Promise<Collector> {
  if (data.modulePath === undefined) return { kind: 'event', doc: data.bpf?.manifest.doc ?? data.name };
  const module = (await import(data.modulePath)) as { readonly default: Collector };
  return module.default;
}
