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
import { readWebFile } from '../config/web-file.ts';
import { at } from '../paths.ts';
import { requireOwnDirectory } from '../storage/journal/own-directory.ts';
import { parseCommandLine, peekCommandLine } from './command-line.ts';
import type { ConfigFlags } from './flags.ts';

const DEFAULT_FILE = '/etc/huatuo/huatuo.yaml';

/**
 * What a command line of `run` asks for, read against the files as they are now.
 * @param isReload for an agent that runs: a file that may never end, as a pipe, is refused, and so is a configuration that names
 * files that are not there. An agent that starts waits for them.
 * @throws HuatuoError USAGE, CONFIG_INVALID, CONFIG_UNREADABLE
 */
export async function readConfiguration(
  argv: readonly string[],
  { isReload }: { readonly isReload: boolean },
): Promise<CheckedConfig> {
  const files = new ConfigFiles({ regularOnly: isReload });
  const catalog = await findCollectors(peekCommandLine(argv).flags, files);
  const invocation = parseCommandLine(argv, catalog);
  if (invocation.command !== 'run') throw new Error('only `run` reads its configuration here');
  const { config, file } = loadFrom(invocation.flags, catalog, files, { requireFiles: isReload });
  if (isReload) requireUsable(config);
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

/** @throws CONFIG_INVALID when a directory or file that is there cannot be used for what it is named for */
export function requireUsable({ journal, web }: EffectiveConfig): void {
  requireOwnDirectory(journal.directory);
  if (web.config_file !== '') readWebFile(web.config_file);
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
