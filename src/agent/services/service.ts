/**
 * The actors that every collector leans on: the journal, the Prometheus worker, and the one that knows the containers. They
 * are supervised like any other.
 */

import type { Remote } from '../../actor/rpc.ts';
import type { ActorHooks, ActorSpec } from '../../actor/spec.ts';
import type { ActorRole, ActorStatus } from '../../actor/state.ts';
import { Vitals } from '../../actor/stats.ts';
import { WorkerActor } from '../../actor/worker-actor.ts';
import type { EffectiveConfig } from '../../config/effective.ts';
import type { ContainersControl, ContainersDocument } from '../../containers/actor.ts';
import { cgroupsObject } from '../../containers/cgroups-object.ts';
import type { AgentIdentity } from '../../decoder/envelope.ts';
import { HuatuoError } from '../../error.ts';
import { KernelOwner } from '../../kernel/object-owner.ts';
import { withDeadline } from '../../promises.ts';
import type { Log } from '../../sdk/context.ts';
import type { JournalControl } from '../../storage/journal/actor.ts';
import { version } from '../../version.ts';
import type { PrometheusControl, SupervisorApi } from '../../web/actor.ts';
import { JournalLock } from '../journal-lock.ts';
import { STOP_SHARE, serviceRestart, WORKER_LIMITS } from '../specs.ts';

/** A first start includes loading the modules; on a busy host that takes a while. */
const FIRST_START_MS = 15_000;

export interface ServiceHooks extends Omit<SupervisorApi, 'containers'> {
  /** The journal has a new life: every collector needs a new port to it. */
  journalStarted(): void;
  prometheusStarted(): void;
  /** The thread that knows the containers has a new life: whoever asks it needs a new port. */
  containersStarted(): void;
  changed(status: ActorStatus): void;
}

export type ServiceName = 'journal' | 'prometheus' | 'containers';

export interface ServiceActors {
  readonly journal: WorkerActor<JournalControl>;
  readonly prometheus: WorkerActor<PrometheusControl>;
  readonly containers: WorkerActor<ContainersControl>;
  readonly all: readonly WorkerActor<object>[];
  statuses(): ActorStatus[];
  /**
   * Resolves when they work. Without containers the agent goes on: documents then have a cgroup id instead.
   * @throws what keeps a storage actor from its first start
   */
  start(): Promise<void>;
  /** Replaces a worker by one with the configuration now in force. @throws what keeps it from working */
  recycle(which: ServiceName): Promise<void>;
  stop(): Promise<void>;
}

/** @param config the configuration in force; asked again at each start of a worker */
export function createServices(
  config: () => EffectiveConfig,
  agent: AgentIdentity,
  hooks: ServiceHooks,
  log: Log,
): ServiceActors {
  const lock = new JournalLock();
  const journal = serviceActor<JournalControl>(config, hooks, {
    name: 'journal',
    role: 'storage',
    entry: 'journal',
    data: ({ journal, log }) => {
      lock.hold(journal.directory);
      return { options: journal, log };
    },
    answers: (control) => control.status(),
    started: () => hooks.journalStarted(),
  });
  const prometheus = serviceActor<PrometheusControl>(config, hooks, {
    name: 'prometheus',
    role: 'storage',
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
      containers: () => containersDocument(containers),
    } satisfies SupervisorApi,
    answers: (control) => control.listening(),
    started: () => hooks.prometheusStarted(),
  });
  const kernel = new KernelOwner({
    ...cgroupsObject(),
    get paths() {
      return config().path;
    },
  });
  const containers = serviceActor<ContainersControl>(config, hooks, {
    name: 'containers',
    role: 'containers',
    entry: 'containers',
    data: ({ containers: section, path, log }) => ({
      options: { config: section, paths: { procfs: path.procfs, sysfs: path.sysfs } },
      log,
    }),
    serve: kernel.calls,
    answers: (control) => control.status(),
    started: () => hooks.containersStarted(),
  });
  const actors = { journal, prometheus, containers };
  return {
    ...actors,
    all: Object.values(actors),
    statuses: () => Object.values(actors).map(({ status }) => status),
    async start() {
      journal.start();
      containers.start();
      await works(journal);
      prometheus.start();
      await works(prometheus);
      await works(containers).catch((error: unknown) => log.warn('containers are not known yet', { error }));
    },
    async recycle(which) {
      const actor: WorkerActor<Closable> = actors[which];
      await actor.recycle((control) => control.close());
      await works(actor);
    },
    async stop() {
      await prometheus.stop((control) => control.close());
      await containers.stop((control) => control.close());
      await kernel.release();
      await journal.stop((control) => control.close());
      lock[Symbol.dispose]();
    },
  };
}

interface Closable {
  close(): void;
}

interface ServiceParts<Control extends object> {
  readonly name: ServiceName;
  readonly role: ActorRole;
  /** workers/<entry>.ts */
  readonly entry: string;
  readonly data: (config: EffectiveConfig) => object;
  /** Answers calls of the worker on the control port. */
  readonly serve?: object;
  /** Settles when the worker does its work. */
  readonly answers: (control: Remote<Control>) => PromiseLike<unknown>;
  readonly started: () => void;
}

function serviceActor<Control extends object>(
  config: () => EffectiveConfig,
  { changed }: ServiceHooks,
  parts: ServiceParts<Control>,
): WorkerActor<Control> {
  const shared = Vitals.allocate();
  const vitals = new Vitals(shared);
  const { supervisor } = config();
  const spec: ActorSpec = {
    name: parts.name,
    role: parts.role,
    entry: new URL(`../../../workers/${parts.entry}.js`, import.meta.url),
    workerData: (control) => ({ ...parts.data(config()), control, heartbeat: shared }),
    ...(parts.serve && { serve: parts.serve }),
    restart: serviceRestart(supervisor),
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

/** Bounded by whoever asks for it; a thread that is down has nothing to tell. */
async function containersDocument(containers: WorkerActor<ContainersControl>): Promise<ContainersDocument> {
  if (containers.control) return containers.control.document();
  throw new HuatuoError('WORKER_EXITED', {
    expected: 'the thread that knows the containers',
    found: `it is ${containers.state}`,
    remedy: 'see its last error in /api/v1/status',
  });
}
