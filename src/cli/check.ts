/** `huatuo check`: whether a configuration can be used, on this host too, and what it comes to. */
import type { Catalog } from '../catalog/catalog.ts';
import type { EffectiveConfig } from '../config/effective.ts';
import type { LoadedConfig } from '../config/load.ts';
import { renderDefault, renderEffective } from '../config/render.ts';
import { configSchema } from '../config/schema.ts';
import { whyNotWritable } from '../storage/journal/own-directory.ts';
import { nearest } from '../suggest.ts';
import type { CheckOutput } from './command-line.ts';
import { requireUsable, warningsOf } from './configuration.ts';
import { requireFilters } from './filters.ts';
import { complain, print } from './output.ts';
import { isReloadable } from './reload.ts';
import { textsOf } from './texts.ts';

/** What is checked. */
interface Checked {
  readonly catalog: Catalog;
  /** @throws CONFIG_INVALID, CONFIG_UNREADABLE */
  load(options?: { readonly requireFiles?: boolean }): LoadedConfig;
}

/** @returns the exit code @throws CONFIG_INVALID, CONFIG_UNREADABLE */
export async function check(show: CheckOutput, { catalog, load }: Checked): Promise<number> {
  switch (show) {
    case 'elasticsearch':
      return await checkServer(load(), catalog);
    case 'default':
      print(renderDefault(catalog).trimEnd());
      return 0;
    case 'schema':
      print(JSON.stringify(configSchema(catalog).node, null, 2));
      return 0;
    case 'effective':
      print(renderEffective(load({ requireFiles: true })).trimEnd());
      return 0;
    case 'summary':
      print(await summary(load({ requireFiles: true }), catalog));
      return 0;
  }
}

async function summary({ config, file }: LoadedConfig, catalog: Catalog): Promise<string> {
  await requireFilters(config, catalog);
  requireUsable(config);
  const warnings = [
    ...warningsOf(config, file),
    ...journalWarnings(config.journal.directory),
    ...(await unknownKernelNames(config, catalog)),
  ];
  for (const warning of warnings) complain(`warning: ${warning}`);
  const enabled = Object.values(config.collectors).filter((collector) => collector.enabled).length;
  return [
    `ok: ${file ?? 'defaults'}, ${enabled} of ${catalog.entries.length} collectors enabled`,
    ...(warnings.length > 0
      ? [`, ${warnings.length === 1 ? '1 warning' : `${warnings.length} warnings`}`]
      : []),
    ...((await isReloadable(config))
      ? [
          '; an agent runs on its journal.directory: huatuo reload puts in force what the agent was started with',
        ]
      : []),
  ].join('');
}

/** Of the user who checks: an agent runs as root. */
function journalWarnings(directory: string): string[] {
  const reason = process.geteuid?.() === 0 ? whyNotWritable(directory) : undefined;
  return reason === undefined
    ? []
    : [`no document can be kept in journal.directory ${directory} now: ${reason}; all else works`];
}

async function checkServer({ config }: LoadedConfig, catalog: Catalog): Promise<number> {
  const { checkElasticsearch, formatCheck } = await import('./elasticsearch.ts');
  const found = await checkElasticsearch(config, catalog);
  print(formatCheck(found));
  return found.lacking.length > 0 ? 1 : 0;
}

/** What this kernel does not have by that name. The file may be for another one, so it is a warning. */
async function unknownKernelNames(config: EffectiveConfig, catalog: Catalog): Promise<string[]> {
  const warnings: string[] = [];
  for (const { path, spec, values } of textsOf(
    config,
    catalog,
    ({ kernelEnum }) => kernelEnum !== undefined,
  )) {
    // Loaded late: it brings a foreign library.
    const { readKernelEnum } = await import('../kernel/kernel-enum.ts');
    const names = Object.values(await readKernelEnum(spec.kernelEnum ?? ''));
    // A kernel that does not tell its names may have all of them.
    for (const value of names.length > 0 ? values : []) {
      if (names.includes(value)) continue;
      const meant = nearest(value, names);
      warnings.push(
        `${path} names ${JSON.stringify(value)}, which this kernel does not have${meant === undefined ? '' : `; did you mean ${meant}?`}`,
      );
    }
  }
  return warnings;
}
