/** What each command does. Data goes to stdout, everything else to stderr. */
import type { Catalog } from '../catalog/catalog.ts';
import { ConfigFiles } from '../config/config-files.ts';
import type { EffectiveConfig } from '../config/effective.ts';
import type { LoadedConfig } from '../config/load.ts';
import { renderDefault, renderEffective } from '../config/render.ts';
import { configSchema } from '../config/schema.ts';
import { readWebFile } from '../config/web-file.ts';
import { HuatuoError } from '../error.ts';
import { requireOwnDirectory } from '../storage/journal/own-directory.ts';
import { printable } from '../text.ts';
import { type CheckOutput, parseCommandLine, peekCommandLine } from './command-line.ts';
import { findCollectors, loadFrom, warningsOf } from './configuration.ts';
import type { HeldSignals } from './early-signals.ts';
import type { ConfigFlags } from './flags.ts';
import { formatList, listCollectors } from './list.ts';
import { complain, print, write } from './output.ts';
import { formatVersion, version } from './version.ts';

/**
 * Runs one command line.
 * @param argv without node and script
 * @param held signals, until there is someone to take them
 * @returns the exit code of what went well
 * @throws HuatuoError
 */
export async function execute(argv: readonly string[], held: HeldSignals): Promise<number> {
  const files = new ConfigFiles();
  const { command, flags } = peekCommandLine(argv);
  // Only the agent goes on after them; the others may wait for a pipe, and are to be ended then.
  if (command !== 'run') held.release();
  const catalog = await findCollectors(flags, files);
  const invocation = parseCommandLine(argv, catalog);
  const load = (flags: ConfigFlags) => loadFrom(flags, catalog, files);
  switch (invocation.command) {
    case 'print':
      process.stdout.write(invocation.text);
      return 0;
    case 'version':
      print(invocation.output === 'json' ? JSON.stringify(version()) : formatVersion(version()));
      return 0;
    case 'check':
      warnOfBroken(catalog);
      if (invocation.show === 'elasticsearch') return await checkServer(load(invocation.flags), catalog);
      if (invocation.show === 'summary') await checkFilters(load(invocation.flags), catalog);
      print(
        check(
          () => loadFrom(invocation.flags, catalog, files, { requireFiles: true }),
          invocation.show,
          catalog,
        ),
      );
      return 0;
    case 'list': {
      const collectors = await listCollectors(catalog, load(invocation.flags).config);
      print(invocation.output === 'json' ? JSON.stringify(collectors, null, 2) : formatList(collectors));
      return 0;
    }
    case 'events': {
      const { config } = load(invocation.flags);
      // Loaded late, for the same reason as below.
      const { showEvents } = await import('./events.ts');
      const names = catalog.entries.map(({ name }) => name);
      await showEvents(config.journal.directory, invocation.events, names, { print: write, complain });
      return 0;
    }
    case 'reload': {
      const { config } = load(invocation.flags);
      // Loaded late, for the same reason as below.
      const { reloadAgent } = await import('./reload.ts');
      print(await reloadAgent(config));
      return 0;
    }
    case 'resend': {
      const { config } = load(invocation.flags);
      // Loaded late, for the same reason as below.
      const { resend } = await import('./resend.ts');
      return await resend(config, { print, complain });
    }
    case 'containers': {
      const { config } = load(invocation.flags);
      // Loaded late, for the same reason as below.
      const { askAgent, formatContainers, lookAround } = await import('./containers.ts');
      const found = (await askAgent(config.web)) ?? (await lookAround(config, complain));
      print(invocation.output === 'json' ? JSON.stringify(found, null, 2) : formatContainers(found));
      return 0;
    }
    case 'profile': {
      const { config } = load(invocation.flags);
      // Loaded late, for the same reason as below.
      const { profileCommand } = await import('./profile.ts');
      await profileCommand(config, invocation.profile, { print, complain });
      return 0;
    }
    case 'unpin': {
      const { bpf } = load(invocation.flags).config;
      // Loaded late, for the same reason as below.
      const { unpin } = await import('./unpin.ts');
      print(unpin(invocation.directory ?? bpf.pin_directory));
      return 0;
    }
    case 'build': {
      // Loaded late, for the same reason as below.
      const { buildDirectory } = await import('./build.ts');
      return await buildDirectory(invocation.directory, invocation.out);
    }
    case 'run': {
      // A value that is spelt like another command has hidden what this is (become-agent.ts).
      const { startAgent } = await import('./start-agent.ts');
      return await startAgent(argv, held);
    }
  }
}

function warnOfBroken(catalog: Catalog): void {
  for (const { name, error } of catalog.broken)
    complain(`warning: collector ${printable(name)}: ${error.message}`);
}

async function checkServer({ config }: LoadedConfig, catalog: Catalog): Promise<number> {
  const { checkElasticsearch, formatCheck } = await import('./elasticsearch.ts');
  const found = await checkElasticsearch(config, catalog);
  print(formatCheck(found));
  return found.lacking.length > 0 ? 1 : 0;
}

async function checkFilters({ config }: LoadedConfig, catalog: Catalog): Promise<void> {
  const filters = packetFilters(config, catalog);
  if (filters.length === 0) return;
  // Loaded late: it brings a foreign library.
  const { compilePacketFilter } = await import('../kernel/packet-filter.ts');
  try {
    for (const filter of filters) await compilePacketFilter(filter);
  } catch (error) {
    throw HuatuoError.fromWire({ ...HuatuoError.toWire(error), code: 'CONFIG_INVALID' });
  }
}

/** Those of the collectors that are to run. */
function packetFilters({ collectors }: EffectiveConfig, catalog: Catalog): string[] {
  return catalog.entries.flatMap(({ name, options }) =>
    Object.entries(options).flatMap(([key, spec]) => {
      const value = spec.type === 'text' && spec.syntax === 'packet_filter' && collectors[name]?.options[key];
      return collectors[name]?.enabled && typeof value === 'string' && value !== '' ? [value] : [];
    }),
  );
}

function check(
  load: () => LoadedConfig,
  show: Exclude<CheckOutput, 'elasticsearch'>,
  catalog: Catalog,
): string {
  switch (show) {
    case 'default':
      return renderDefault(catalog).trimEnd();
    case 'schema':
      return JSON.stringify(configSchema(catalog).node, null, 2);
    case 'effective':
      return renderEffective(load()).trimEnd();
    case 'summary': {
      const { config, file } = load();
      requireOwnDirectory(config.journal.directory);
      if (config.web.config_file !== '') readWebFile(config.web.config_file);
      for (const warning of warningsOf(config, file)) complain(`warning: ${warning}`);
      const enabled = Object.values(config.collectors).filter((collector) => collector.enabled).length;
      return `ok: ${file ?? 'defaults'}, ${enabled} of ${catalog.entries.length} collectors enabled`;
    }
  }
}
