/**
 * The agent as a process: who it is, what it does on signals, how it ends. The actors are in agent.ts.
 *
 * Exit codes: 0 stopped on request, 1 could not start or could not stop in good order.
 */
import { readFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { useSmallBuffers } from '../actor/small-buffers.ts';
import { nameThread } from '../actor/thread.ts';
import type { EffectiveConfig } from '../config/effective.ts';
import { HuatuoError } from '../error.ts';
import { keepClock } from '../kernel/clock-keeper.ts';
import { probeKernel } from '../kernel/features.ts';
import { createLog, prepareLog } from '../log.ts';
import { BOOT_ID } from '../procfs/boot-id.ts';
import type { Log } from '../sdk/context.ts';
import { Agent } from './agent.ts';
import type { Leftovers } from './collectors.ts';
import { trimAfterReload } from './memory.ts';
import { type CheckedConfig, type Reloaded, Reloader } from './reload.ts';
import { ReloadSocket } from './reload-socket.ts';
import { SystemdNotifier, SystemdReporter } from './systemd.ts';

/** The same signal so soon is the same request: npm passes on the ^C that the terminal has sent to the agent too. */
const ECHO_MS = 500;
/** The host may be given its name after the agent was started (cloud-init, DHCP), and a disk may become writable. */
const UPKEEP_MS = 10_000;

/**
 * Runs the agent until SIGTERM or SIGINT.
 * @param reread reads and checks the configuration again, for SIGHUP and `huatuo reload`
 * @returns the exit code
 */
export async function runAgent(
  checked: CheckedConfig,
  reread: () => Promise<CheckedConfig>,
): Promise<number> {
  const { config, catalog } = checked;
  const logOptions = { component: 'supervisor', ...config.log };
  prepareLog(logOptions);
  const log = createLog(logOptions);
  nameThread('huatuo');
  useSmallBuffers();
  keepClock();
  for (const warning of checked.warnings) log.warn(warning);
  const lacking = probeKernel(config.path);
  if (lacking) log.error('collectors with BPF programs cannot run', { error: lacking });
  let inForce = checked;
  const apply = async (checked: CheckedConfig): Promise<Reloaded> => {
    const reloaded = await agent.apply(named(checked.config), checked.catalog);
    inForce = checked;
    for (const warning of checked.warnings) log.warn(warning);
    socket.follow(checked.config);
    return reloaded;
  };
  const reloader = new Reloader({ read: reread, apply, done: trimAfterReload, log });
  using socket = new ReloadSocket(() => reloader.reload(), log);
  const agent: Agent = new Agent(named(config), catalog, readBootId(config), log, {
    reloads: () => reloader.record,
  });
  const same = async (): Promise<CheckedConfig> => inForce;
  const upkeep = setInterval(() => void socket.heal(), UPKEEP_MS).unref();
  const renames = onRename(() => {
    if (inForce.config.hostname !== '') return;
    log.info('this host has another name', { hostname: hostname() });
    reloader.reload(same).catch(() => undefined);
  });
  using systemd = new SystemdReporter(new SystemdNotifier(), agent);
  // A refused reload is in the log, in the metrics, and changes nothing.
  const reload = (): void => {
    if (agent.phase === 'stopping') return;
    systemd.reloading();
    const done = (): void => {
      if (agent.phase !== 'stopping') systemd.reloaded();
    };
    reloader.reload().then(done, done);
  };
  let waiting = false;
  process.on('SIGHUP', () => {
    if (agent.phase !== 'starting') return reload();
    log.info('SIGHUP: the configuration is read again as soon as the agent is up');
    waiting = true;
  });
  const asked = stopSignal(log);
  try {
    const started = agent.start().then((summary) => {
      if (agent.phase === 'stopping') return;
      log.info('huatuo is up', summary);
      systemd.started();
      socket.follow(inForce.config);
      if (waiting) reload();
    });
    const signal = await Promise.race([asked, started.then(() => asked)]);
    socket[Symbol.dispose]();
    log.info(`${signal}: draining and stopping`);
    systemd.stopping();
    reportStopped(await agent.stop(), log);
    return 0;
  } catch (thrown) {
    const error = HuatuoError.from(thrown, 'COLLECTOR_FAILED', 'report it with the log at level debug');
    log.error('huatuo cannot run', { error });
    await agent.stop().catch((later: unknown) => log.error('stopping failed too', { error: later }));
    return 1;
  } finally {
    clearInterval(upkeep);
    clearInterval(renames);
  }
}

/** The last line says what the journal could not take: on a full disk the rings are the queue, and they go with the agent. */
function reportStopped({ waiting, lost }: Leftovers, log: Log): void {
  const sum = (counts: Record<string, number>): number =>
    Object.values(counts).reduce((total, count) => total + count, 0);
  const [kept, gone] = [sum(waiting), sum(lost)];
  if (gone > 0)
    log.error(
      `huatuo has stopped; ${gone === 1 ? '1 event is' : `${gone} events are`} lost that the journal could not take`,
      {
        lost,
        waiting,
      },
    );
  else if (kept > 0)
    log.warn(
      `huatuo has stopped; ${kept === 1 ? '1 event waits' : `${kept} events wait`} in pinned rings for the next start`,
      { waiting },
    );
  else log.info('huatuo has stopped');
}

/** What is set, else what the kernel calls this host now. */
function named(config: EffectiveConfig): EffectiveConfig {
  return { ...config, hostname: config.hostname || hostname(), followsHostname: config.hostname === '' };
}

function onRename(call: () => void): NodeJS.Timeout {
  let known = hostname();
  const look = (): void => {
    const now = hostname();
    if (now === known) return;
    known = now;
    call();
  };
  return setInterval(look, UPKEEP_MS).unref();
}

/** Resolves with the first signal that asks to stop; the second one ends the process at once. */
function stopSignal(log: Log): Promise<NodeJS.Signals> {
  return new Promise((resolve) => {
    let asked: { readonly signal: NodeJS.Signals; readonly time_ms: number } | undefined;
    for (const signal of ['SIGTERM', 'SIGINT'] as const) {
      process.on(signal, () => {
        const time_ms = performance.now();
        const isEcho = asked?.signal === signal && time_ms - asked.time_ms < ECHO_MS;
        if (asked && !isEcho) {
          log.warn(`${signal} again: ended at once; what was not yet written is lost`);
          process.exit(1);
        }
        asked ??= { signal, time_ms };
        resolve(signal);
      });
    }
  });
}

/** @throws CONFIG_INVALID where there is no procfs */
function readBootId({ path }: EffectiveConfig): string {
  try {
    return readFileSync(join(path.procfs, BOOT_ID), 'utf8').trim().replaceAll('-', '');
  } catch (cause) {
    throw new HuatuoError('CONFIG_INVALID', {
      expected: 'the mount point of procfs as path.procfs',
      found: cause instanceof Error ? cause.message : String(cause),
      remedy: "set path.procfs to /proc, or in a container to where the host's is mounted",
      cause,
    });
  }
}
