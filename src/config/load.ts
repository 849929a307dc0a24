/**
 * From file and flags to the configuration in force.
 *
 *   file ──► YAML ──┐
 *   flags ──────────┴──► one tree ──► schema ──► EffectiveConfig
 *                            │           └─────► ConfigError: every fault, with its place in file or flag
 *                            └─► origin of each key
 */
import { isAbsolute, normalize } from 'node:path';
import { canonicalName } from '../catalog/aliases.ts';
import type { Catalog } from '../catalog/catalog.ts';
import { HuatuoError } from '../error.ts';
import { showPath } from '../text.ts';
import { ConfigFiles } from './config-files.ts';
import {
  isSection,
  isTree,
  nodeAt,
  type Path,
  type SchemaNode,
  settingsOf,
  valueAt,
  withValue,
} from './describe.ts';
import type { EffectiveConfig, Origin } from './effective.ts';
import { explain, type Fault } from './explain.ts';
import { ConfigError, type ConfigIssue } from './issues.ts';
import { missingFiles } from './required-files.ts';
import { configSchema } from './schema.ts';
import type { YamlFile } from './yaml-file.ts';

/** A value from the command line, in the form of the file. */
export interface Override {
  readonly path: Path;
  readonly value: unknown;
  /** As it was written: `--log.level`. */
  readonly flag: string;
}

interface ConfigSources {
  /** Without a file everything is default or flag. */
  readonly file?: string | undefined;
  /** Those that were read already, for the directories of collectors. */
  readonly files?: ConfigFiles;
  readonly overrides: readonly Override[];
  readonly catalog: Catalog;
  /** Collectors are off unless file or flag enables them. */
  readonly disableDefaults?: boolean;
  /** Files that the agent would read later must be there now. An agent that starts waits for them instead. */
  readonly requireFiles?: boolean;
}

/** One key with its value in the form of the file. */
interface EffectiveSetting {
  readonly path: Path;
  readonly value: unknown;
  readonly origin: Origin;
}

export interface LoadedConfig {
  readonly config: EffectiveConfig;
  readonly file: string | undefined;
  /** Every key that has a value, in the order of the schema. */
  readonly settings: readonly EffectiveSetting[];
}

/**
 * Reads, merges and checks: flag before file before default.
 * @throws HuatuoError CONFIG_UNREADABLE; ConfigError (CONFIG_INVALID) with all faults
 */
export function loadConfig(sources: ConfigSources): LoadedConfig {
  const schema = configSchema(sources.catalog);
  const files = sources.files ?? new ConfigFiles();
  const yaml = sources.file === undefined ? undefined : files.yaml(sources.file);
  const issues = [...(yaml?.issues ?? [])];
  const file = fillSections(ownNames(yaml, issues), () => schema.node);
  const overrides = [
    ...(sources.disableDefaults ? disabled(sources.catalog, file) : []),
    ...sources.overrides,
  ];
  const merged = overrides.reduce((tree, { path, value }) => withValue(tree, path, value), file);
  // Code made for a schema pays for itself when that is used again.
  const checked = schema.check.safeParse(merged, { jitless: true });
  const faults = [
    ...(checked.error?.issues ?? []),
    ...missingDirectories(merged, sources.catalog),
    ...(sources.requireFiles && checked.success ? missingFiles(checked.data) : []),
  ];
  if (faults.length > 0) issues.push(...explain(faults, { node: schema.node, yaml, overrides, merged }));
  if (!checked.success || issues.length > 0) throw new ConfigError(issues);
  return {
    config: checked.data,
    file: sources.file,
    get settings() {
      return effective(schema.node, merged, overrides);
    },
  };
}

/** The tree of the file with the collectors under their own names. */
function ownNames(yaml: YamlFile | undefined, issues: ConfigIssue[]): unknown {
  const root = yaml?.root ?? {};
  if (!yaml || !isTree(root) || !isTree(root.collectors)) return root;
  const renamed = new Map<string, unknown>();
  for (const [key, section] of Object.entries(root.collectors)) {
    const name = canonicalName(key);
    const path = ['collectors', key];
    if (renamed.has(name)) {
      const position = { source: yaml.file, ...yaml.positionOfKey(path), path: showPath(path) };
      issues.push({
        ...position,
        found: `collector ${name} under two names`,
        expected: 'one section for each',
      });
    }
    renamed.set(name, section);
  }
  return { ...root, collectors: Object.fromEntries(renamed) };
}

/** `journal:` with nothing below it, as when every key of a section is commented out, is the section's defaults. */
function fillSections(value: unknown, node: () => SchemaNode | undefined): unknown {
  if (value === null) return isSection(node()) ? {} : null;
  if (!isTree(value)) return value;
  const fill = (key: string, child: unknown) => fillSections(child, () => nodeAt(node(), [key]));
  return Object.fromEntries(Object.entries(value).map(([key, child]) => [key, fill(key, child)]));
}

/** `--collector.disable-defaults` is a flag below the file: it speaks where the file says nothing. */
function disabled(catalog: Catalog, file: unknown): Override[] {
  return catalog.entries
    .map(({ name }) => ({
      path: ['collectors', name, 'enabled'],
      value: false,
      flag: '--collector.disable-defaults',
    }))
    .filter(({ path }) => valueAt(file, path) === undefined);
}

/** The catalog has tried them already; what it could not read is a fault of the configuration. */
function missingDirectories(merged: unknown, { unreadable }: Catalog): Fault[] {
  return directoriesIn(merged).flatMap((directory, index) => {
    const reason = unreadable.get(directory);
    const params = {
      allowed: `a readable directory of collectors that no one else may write (${reason})`,
    };
    return reason === undefined
      ? []
      : [{ code: 'custom', path: ['path', 'collectors', index], message: reason, params }];
  });
}

function directoriesIn(root: unknown): string[] {
  const value = valueAt(root, ['path', 'collectors']);
  return Array.isArray(value) ? value.map((directory) => normalize(String(directory))) : [];
}

/**
 * The directories of collectors that a file names, before anything can be checked: the catalog is part of the schema. A
 * file that cannot be read has none; `loadConfig` will tell why.
 */
export function collectorDirectories(file: string, files: ConfigFiles = new ConfigFiles()): string[] {
  try {
    return directoriesIn(files.yaml(file).root).filter(isAbsolute);
  } catch (error) {
    if (error instanceof HuatuoError) return [];
    throw error;
  }
}

function effective(node: SchemaNode, merged: unknown, overrides: readonly Override[]): EffectiveSetting[] {
  const flags = new Set(overrides.map(({ path }) => path.join('.')));
  return settingsOf(node)
    .map(({ path, node }): EffectiveSetting => {
      const value = valueAt(merged, path);
      if (value === undefined) return { path, value: node.default, origin: 'default' };
      return { path, value, origin: flags.has(path.join('.')) ? 'flag' : 'file' };
    })
    .filter(({ value }) => value !== undefined);
}
