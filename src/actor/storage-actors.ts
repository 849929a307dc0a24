/** The two storage actors: the journal and the Prometheus worker, supervised like any other. */
import type { AgentIdentity } from '../collector/envelope.ts';
import type { EffectiveConfig } from '../config/effective.ts';
import { HuatuoError } from '../error.ts';
import type { JournalControl } from '../storage/journal-actor.ts';
import type { PrometheusControl, SupervisorApi } from '../storage/prometheus.ts';
import { type Remote, withDeadline } from './comlink.ts';
import { STOP_SHARE, storageRestart, WORKER_LIMITS } from './specs.ts';
import type { ActorStatus } from './status.ts';
import { version } from './version.ts';
import { Vitals } from './vitals.ts';
import { type ActorHooks, type ActorSpec, WorkerActor } from './worker-actor.ts';

/** A first start includes loading the modules; on a busy host that takes a while. */
const FIRST_START_MS = 15_000;

export interface StorageHooks extends SupervisorApi {
  /** The journal has a new life: every collector needs a new port to it. */
  journalStarted(): void;
  prometheusStarted(): void;
  changed(status: ActorStatus): void;
}

export interface StorageActors {
  readonly journal: WorkerActor<JournalControl>;
  readonly prometheus: WorkerActor<PrometheusControl>;
  statuses(): ActorStatus[];
  /** Resolves when both work. @throws what keeps one from its first start */
  start(): Promise<void>;
  /** Replaces a worker by one with the configuration now in force. @throws what keeps it from working */
  recycle(which: 'journal' | 'prometheus'): Promise<void>;
  stop(): Promise<void>;
}

/** @param config the configuration in force; asked again at each start of a worker */
export function createStorage(
  config: () => EffectiveConfig,
  agent: AgentIdentity,
  hooks: StorageHooks,
): StorageActors {
  const journal = storageActor<JournalControl>(config, hooks, {
    name: 'journal',
    entry: 'localfile',
    data: ({ journal, log }) => ({ options: journal, log }),
    answers: (control) => control.status(),
    started: () => hooks.journalStarted(),
  });
  const prometheus = storageActor<PrometheusControl>(config, hooks, {
    name: 'prometheus',
    entry: 'prometheus',
    data: ({ web, path, log }) => ({
      options: {
        version,
        web,
        region: agent.region,
        hostname: agent.hostname,
        paths: { procfs: path.procfs, sysfs: path.sysfs },
        log,
      },
    }),
    serve: {
      status: () => hooks.status(),
      families: () => hooks.families(),
      reload: () => hooks.reload(),
    } satisfies SupervisorApi,
    answers: (control) => control.listening(),
    started: () => hooks.prometheusStarted(),
  });
  return {
    journal,
    prometheus,
    statuses: () => [journal.status, prometheus.status],
    async start() {
      journal.start();
      await works(journal);
      prometheus.start();
      await works(prometheus);
    },
    async recycle(which) {
      const actor = which === 'journal' ? journal : prometheus;
      await actor.recycle((control: Remote<{ close(): Promise<void> }>) => control.close());
      await works(actor);
    },
    async stop() {
      await prometheus.stop((control) => control.close());
      await journal.stop((control) => control.close());
    },
  };
}

interface StorageActorParts<Control extends object> {
  readonly name: 'journal' | 'prometheus';
  /** workers/<entry>.ts */
  readonly entry: string;
  readonly data: (config: EffectiveConfig) => object;
  /** Answers calls of the worker on the control port. */
  readonly serve?: object;
  /** Settles when the worker does its work. */
  readonly answers: (control: Remote<Control>) => PromiseLike<unknown>;
  readonly started: () => void;
}

function storageActor<Control extends object>(
  config: () => EffectiveConfig,
  { changed }: StorageHooks,
  parts: StorageActorParts<Control>,
): WorkerActor<Control> {
  const shared = Vitals.allocate();
  const vitals = new Vitals(shared);
  const { supervisor } = config();
  const spec: ActorSpec = {
    name: parts.name,
    role: 'storage',
    entry: new URL(`../../workers/${parts.entry}.js`, import.meta.url),
    workerData: (control) => ({ ...parts.data(config()), control, heartbeat: shared }),
    ...(parts.serve && { serve: parts.serve }),
    restart: storageRestart(supervisor),
    shutdown_ms: supervisor.stop_timeout_ms * STOP_SHARE[parts.name],
    heartbeatTimeout_ms: supervisor.heartbeat_timeout_ms,
    heartbeat: () => vitals.heartbeat,
    resourceLimits: WORKER_LIMITS,
  };
  const hooks: ActorHooks<Control> = {
    started: (control) => {
      parts.started();
      // A worker that cannot do its work ends with an error, which is what the supervisor acts upon.
      parts.answers(control).then(
        () => actor.enter('running'),
        (error: unknown) => actor.end(HuatuoError.from(error, 'WORKER_EXITED', 'see its log')),
      );
    },
    notice: () => undefined,
    changed,
    ended: () => undefined,
  };
  const actor = new WorkerActor<Control>(spec, hooks);
  return actor;
}

/**
 * Waits until an actor works. One that fails at its very first start fails the agent, and after a reload the reload: the
 * directory or the port is wrong, and somebody is there to read the message.
 */
async function works(actor: { readonly settled: Promise<void>; readonly spec: ActorSpec }): Promise<void> {
  await withDeadline(actor.settled, FIRST_START_MS, `start of ${actor.spec.name}`);
}
