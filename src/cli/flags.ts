/** Flags that set keys of the config file, in the spelling of the Prometheus family. */
import { resolve } from 'node:path';
import { type Command, Option } from 'commander';
import type { Catalog } from '../catalog/catalog.ts';
import { COLLECTOR_NAME } from '../catalog/read-collector.ts';
import { nodeAt } from '../config/describe.ts';
import type { Override } from '../config/load.ts';
import { configSchema } from '../config/schema.ts';

interface Flag {
  readonly name: string;
  readonly argument: string;
  readonly path: readonly string[];
  /** Relative paths of the command line are meant from where the user stands. */
  readonly isPath?: true;
  readonly repeatable?: true;
}

const FLAGS: readonly Flag[] = [
  { name: 'region', argument: 'NAME', path: ['region'] },
  { name: 'hostname', argument: 'NAME', path: ['hostname'] },
  { name: 'log.level', argument: 'LEVEL', path: ['log', 'level'] },
  { name: 'log.format', argument: 'FORMAT', path: ['log', 'format'] },
  { name: 'web.listen-address', argument: 'ADDRESS', path: ['web', 'listen_address'] },
  { name: 'web.config.file', argument: 'FILE', path: ['web', 'config_file'], isPath: true },
  { name: 'path.procfs', argument: 'DIR', path: ['path', 'procfs'], isPath: true },
  { name: 'path.sysfs', argument: 'DIR', path: ['path', 'sysfs'], isPath: true },
  { name: 'path.collectors', argument: 'DIR', path: ['path', 'collectors'], isPath: true, repeatable: true },
  { name: 'journal.directory', argument: 'DIR', path: ['journal', 'directory'], isPath: true },
];

const DISABLE_DEFAULTS = 'collector.disable-defaults';

/** What the flags of one command line say about the configuration. */
export interface ConfigFlags {
  readonly file: string | undefined;
  readonly overrides: readonly Override[];
  readonly disableDefaults: boolean;
}

/** Declares the flags; texts and defaults come from the config schema and the collectors. */
export function addConfigFlags(command: Command, catalog: Catalog): void {
  command.optionsGroup('Configuration:');
  command.option(
    '--config.file <FILE>',
    'Configuration file (default: /etc/huatuo/huatuo.yaml, if it is there)',
  );
  for (const flag of FLAGS) {
    const option = new Option(`--${flag.name} <${flag.argument}>`);
    // Only help reads it, and few command lines ask for that.
    Object.defineProperty(option, 'description', { get: () => describe(flag, catalog) });
    if (flag.repeatable) option.argParser((value, before: string[] = []) => [...before, value]);
    command.addOption(option);
  }
  command.optionsGroup(
    'Collectors (--collector.NAME switches one on, --no-collector.NAME off; huatuo list has them all):',
  );
  command.option(`--${DISABLE_DEFAULTS}`, 'Run only the collectors that file or flags enable');
  for (const { name, aliases } of catalog.entries) {
    addHidden(command, name);
    for (const alias of aliases) addHidden(command, alias);
  }
  // The user who switches a broken collector on or off made no typing mistake; that it is broken is said elsewhere.
  const names = new Set(catalog.broken.map(({ name }) => name).filter((name) => COLLECTOR_NAME.test(name)));
  for (const name of names) if (!catalog.find(name)) addHidden(command, name);
}

function describe({ path, repeatable }: Flag, catalog: Catalog): string {
  const node = nodeAt(configSchema(catalog).node, path);
  const repeat = repeatable ? '; may be repeated' : '';
  const fallback = repeatable || node?.default === '' ? '' : ` (default: ${node?.default})`;
  return `${node?.description}${repeat}${fallback}`;
}

function addHidden(command: Command, name: string): void {
  command.addOption(new Option(`--collector.${name}`).hideHelp());
  command.addOption(new Option(`--no-collector.${name}`).hideHelp());
}

/** Reads the flags back after the command line was parsed. */
export function configFlags(command: Command, catalog: Catalog): ConfigFlags {
  const values: Record<string, unknown> = Object.fromEntries(
    command.options.map((option) => [option.name(), command.getOptionValue(option.attributeName())]),
  );
  const overrides = FLAGS.flatMap(({ name, path, isPath }): Override[] => {
    const given = values[name];
    if (given === undefined) return [];
    const value = !isPath ? given : Array.isArray(given) ? given.map(absolute) : absolute(String(given));
    return [{ path, value, flag: `--${name}` }];
  });
  const collectors = catalog.entries.flatMap(({ name, aliases }) =>
    [name, ...aliases].flatMap((known): Override[] => {
      const value = values[`collector.${known}`];
      return value === undefined
        ? []
        : [
            {
              path: ['collectors', name, 'enabled'],
              value,
              flag: `--${value ? '' : 'no-'}collector.${known}`,
            },
          ];
    }),
  );
  const file = values['config.file'];
  return {
    file: file === undefined ? undefined : String(file),
    overrides: [...overrides, ...collectors],
    disableDefaults: values[DISABLE_DEFAULTS] === true,
  };
}

/** Nothing is not the directory that the user stands in; the schema says whether it may be. */
function absolute(path: string): string {
  return path === '' ? '' : resolve(path);
}

/** True for the flags that exist only once the collectors are known. */
export function isCollectorFlag(argument: string): boolean {
  return /^--(no-)?collector\./.test(argument);
}
