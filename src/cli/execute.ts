/** What each command does. Data goes to stdout, everything else to stderr. */
import type { Catalog } from '../catalog/catalog.ts';
import { ConfigFiles } from '../config/config-files.ts';
import { printable } from '../text.ts';
import { check } from './check.ts';
import { parseCommandLine, peekCommandLine } from './command-line.ts';
import { findCollectors, loadFrom } from './configuration.ts';
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
  // Agent and profile act on them; the others may wait for a pipe, and are to be ended then.
  if (command !== 'run' && command !== 'profile') held.release();
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
      return await check(invocation.show, {
        catalog,
        load: (options) => loadFrom(invocation.flags, catalog, files, options),
      });
    case 'list': {
      const { config } = load(invocation.flags);
      const collectors = await listCollectors(catalog, config);
      print(invocation.output === 'json' ? JSON.stringify(collectors, null, 2) : formatList(collectors));
      const { refusedCaptures } = await import('./capture-objects.ts');
      for (const refused of await refusedCaptures(config)) complain(refused);
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
      await profileCommand(config, invocation.profile, { print, complain }, held);
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
