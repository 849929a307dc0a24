/** What the thread `configuration` is asked and answers: plain data, since what makes it (YAML, schema, flags) is loaded there. */
import type { CheckedConfig } from '../agent/reload.ts';
import { createCatalog } from '../catalog/catalog.ts';
import type { CatalogEntry } from '../catalog/entry.ts';
import type { EffectiveConfig } from '../config/effective.ts';
import { HuatuoError, type WireError } from '../error.ts';

/** `workerData` */
export interface ConfigurationTask {
  readonly argv: readonly string[];
  /** For an agent that runs, which keeps its own when this one cannot be used as it is. */
  readonly isReload: boolean;
}

export type ConfigurationAnswer =
  | {
      readonly type: 'checked';
      readonly config: EffectiveConfig;
      readonly warnings: readonly string[];
      readonly entries: readonly CatalogEntry[];
      readonly broken: readonly { readonly name: string; readonly error: WireError }[];
    }
  | { readonly type: 'refused'; readonly error: WireError };

export function toAnswer({ config, catalog, warnings }: CheckedConfig): ConfigurationAnswer {
  const broken = catalog.broken.map(({ name, error }) => ({ name, error: HuatuoError.toWire(error) }));
  return { type: 'checked', config, warnings, entries: catalog.entries, broken };
}

/** @throws why it was refused */
export function fromAnswer(answer: ConfigurationAnswer): CheckedConfig {
  if (answer.type === 'refused') throw HuatuoError.fromWire(answer.error);
  const broken = answer.broken.map(({ name, error }) => ({ name, error: HuatuoError.fromWire(error) }));
  const { config, entries, warnings } = answer;
  return { config, catalog: createCatalog([...entries, ...broken]), warnings };
}
