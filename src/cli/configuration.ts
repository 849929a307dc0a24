/** From a command line to the configuration and the collectors it is about. */
import { existsSync } from 'node:fs';
import type { CheckedConfig } from '../agent/reload.ts';
import type { Catalog } from '../catalog/catalog.ts';
import { loadCatalog } from '../catalog/load-catalog.ts';
import { ConfigFiles } from '../config/config-files.ts';
import type { EffectiveConfig } from '../config/effective.ts';
import { foreignWriterWarnings } from '../config/foreign-writers.ts';
import { hostWarnings } from '../config/host-warnings.ts';
import { collectorDirectories, type LoadedConfig, loadConfig } from '../config/load.ts';
import { at } from '../paths.ts';

import { parseCommandLine, peekCommandLine } from './command-line.ts';
import type { ConfigFlags } from './flags.ts';

const DEFAULT_FILE = '/etc/huatuo/huatuo.yaml';

/**
 * What a command line of `run` asks for, read against the files as they are now.
 * @param regularOnly a file that may never end, as a pipe, is refused
 * @throws HuatuoError USAGE, CONFIG_INVALID, CONFIG_UNREADABLE
 */
export async function readConfiguration(
  argv: readonly string[],
  { regularOnly }: { readonly regularOnly: boolean },
): Promise<CheckedConfig> {
  const files = new ConfigFiles({ regularOnly });
  const catalog = await findCollectors(peekCommandLine(argv).flags, files);
  const invocation = parseCommandLine(argv, catalog);
  if (invocation.command !== 'run') throw new Error('only `run` reads its configuration here');
  const { config, file } = loadFrom(invocation.flags, catalog, files);
  return { config, catalog, warnings: warningsOf(config, file) };
}

/** Directories of collectors are themselves configuration, so they are looked up before anything can be checked. */
export function findCollectors(flags: ConfigFlags, files: ConfigFiles): Promise<Catalog> {
  const fromFlag = flags.overrides.find(({ flag }) => flag === '--path.collectors')?.value;
  const file = configFile(flags);
  const extraDirectories =
    (fromFlag as string[] | undefined) ?? (file === undefined ? [] : collectorDirectories(file, files));
  return loadCatalog({ builtinRoot: at('dist'), extraDirectories });
}

/** What is no error and should be known: at the start, at a reload, and when it is checked. */
export function warningsOf(config: EffectiveConfig, file: string | undefined): string[] {
  return [...foreignWriterWarnings(config, file), ...hostWarnings(config)];
}

export function loadFrom(
  flags: ConfigFlags,
  catalog: Catalog,
  files: ConfigFiles,
  options: { readonly requireFiles?: boolean } = {},
): LoadedConfig {
  return loadConfig({ ...flags, file: configFile(flags), files, catalog, ...options });
}

function configFile({ file }: ConfigFlags): string | undefined {
  return file ?? (process.env.HUATUO_CONFIG_FILE || (existsSync(DEFAULT_FILE) ? DEFAULT_FILE : undefined));
}
