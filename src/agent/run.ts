/**
 * The agent as a process: who it is, what it does on signals, how it ends. The actors are in agent.ts.
 *
 * Exit codes: 0 stopped on request, 1 could not start or could not stop in good order.
 */
import { readFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { nameThread } from '../actor/thread.ts';
import type { Catalog } from '../catalog/catalog.ts';
import type { EffectiveConfig } from '../config/effective.ts';
import type { AgentIdentity } from '../decoder/envelope.ts';
import { HuatuoError } from '../error.ts';
import { keepClock } from '../kernel/clock-keeper.ts';
import { createLog } from '../log.ts';
import { Agent } from './agent.ts';
import { prepareMemory } from './memory.ts';
import { type CheckedConfig, Reloader } from './reload.ts';
import { SystemdNotifier, SystemdReporter } from './systemd.ts';

/** The same signal so soon is the same request: npm passes on the ^C that the terminal has sent to the agent too. */
const ECHO_MS = 500;

/**
 * Runs the agent until SIGTERM or SIGINT.
 * @param reread reads and checks the configuration again, for SIGHUP and `POST /-/reload`
 * @returns the exit code
 */
export async function runAgent(
  config: EffectiveConfig,
  catalog: Catalog,
  reread: () => Promise<CheckedConfig>,
): Promise<number> {
  const log = createLog({ component: 'supervisor', ...config.log });
  nameThread('huatuo');
  keepClock();
  prepareMemory();
  const reloader = new Reloader(reread, (checked) => agent.apply(checked.config, checked.catalog), log);
  const agent: Agent = new Agent(config, catalog, identify(config), log, {
    reload: () => reloader.reload(),
    reloads: () => reloader.record,
  });
  using systemd = new SystemdReporter(new SystemdNotifier(), agent);
  // A refused reload is in the log, in the metrics, and changes nothing.
  process.on('SIGHUP', () => reloader.reload().catch(() => undefined));
  const asked = stopSignal();
  try {
    const started = agent.start().then(async () => {
      log.info('huatuo is up', await agent.summary());
      systemd.started();
    });
    const signal = await Promise.race([asked, started.then(() => asked)]);
    log.info(`${signal}: draining and stopping`);
    systemd.stopping();
    await agent.stop();
    log.info('huatuo has stopped');
    return 0;
  } catch (thrown) {
    const error = HuatuoError.from(thrown, 'COLLECTOR_FAILED', 'report it with the log at level debug');
    log.error('huatuo cannot run', { error });
    await agent.stop().catch((later: unknown) => log.error('stopping failed too', { error: later }));
    return 1;
  }
}

/** Resolves with the first signal that asks to stop; the second one ends the process at once. */
function stopSignal(): Promise<NodeJS.Signals> {
  return new Promise((resolve) => {
    let asked: { readonly signal: NodeJS.Signals; readonly time_ms: number } | undefined;
    for (const signal of ['SIGTERM', 'SIGINT'] as const) {
      process.on(signal, () => {
        const time_ms = performance.now();
        const isEcho = asked?.signal === signal && time_ms - asked.time_ms < ECHO_MS;
        if (asked && !isEcho) process.exit(1);
        asked ??= { signal, time_ms };
        resolve(signal);
      });
    }
  });
}

function identify(config: EffectiveConfig): AgentIdentity {
  const bootId = readFileSync(join(config.path.procfs, 'sys/kernel/random/boot_id'), 'utf8');
  return { hostname: hostname(), region: config.region, bootId: bootId.trim().replaceAll('-', '') };
}
