/**
 * The services of one agent as supervised workers, and the ports between them and their readers. The main thread hands out
 * both ends of a port and is not on its path; while a service is down there is nothing to connect to, and its next start
 * connects every reader anew.
 */
import { pathToFileURL } from 'node:url';
import { MessageChannel, type MessagePort } from 'node:worker_threads';
import { type Remote, transferPort } from '../../actor/rpc.ts';
import type { ServiceData } from '../../actor/service-thread.ts';
import type { ActorStatus } from '../../actor/state.ts';
import { ActorStats } from '../../actor/stats.ts';
import { WorkerActor } from '../../actor/worker-actor.ts';
import type { EffectiveConfig } from '../../config/effective.ts';
import { HuatuoError } from '../../error.ts';
import { at } from '../../paths.ts';
import { unlessAborted, withDeadline } from '../../promises.ts';
import type { OwnFamily } from '../../storage/prometheus/own-family.ts';
import { supervisionPart } from '../changes.ts';
import { serviceRestart, WORKER_LIMITS } from '../specs.ts';
import type {
  Reader,
  Served,
  ServiceControl,
  ServiceFactory,
  ServiceHost,
  ServiceReport,
  ServiceSpec,
} from './service.ts';

/** Whoever reads from services, and its control while it runs. */
export interface ReaderActor {
  /** Unique. */
  readonly name: string;
  readonly control: { connectTo(service: string, port: MessagePort): Promise<void> } | undefined;
  /** Those it reads from; all that have readers without it. */
  readonly services?: readonly string[];
}

interface Service {
  readonly spec: ServiceSpec<ServiceControl>;
  readonly actor: WorkerActor<ServiceControl & Served & Reader>;
  report: ServiceReport;
}

interface ServiceHooks {
  /** Those of collectors that run, which get new ports when a service has started. */
  readers(): Iterable<ReaderActor>;
  changed(status: ActorStatus): void;
}

export class Services {
  readonly #host: Omit<ServiceHost, 'control'>;
  readonly #hooks: ServiceHooks;
  readonly #services: readonly Service[];

  constructor(factories: readonly ServiceFactory[], host: Omit<ServiceHost, 'control'>, hooks: ServiceHooks) {
    this.#host = host;
    this.#hooks = hooks;
    const withControl: ServiceHost = { ...host, control: (name) => this.control(name) };
    this.#services = factories.map((factory) => this.#create(factory(withControl)));
  }

  /** Those that the configuration in force wants. */
  get actors(): readonly WorkerActor<object>[] {
    return this.#enabled.map(({ actor }) => actor);
  }

  /** A service whose thread runs and which does not get on stays `running`, with its own reason. */
  get statuses(): readonly ActorStatus[] {
    return this.#enabled.map(({ spec, actor, report }) => {
      const { status } = actor;
      // One that is down has a newer reason than its last report.
      const reason = status.state === 'running' ? spec.trouble?.(report) : undefined;
      return reason ? { ...status, reason } : status;
    });
  }

  /** A service that the agent cannot do without does not get on. */
  get isTroubled(): boolean {
    return this.#enabled.some(({ spec, report }) => spec.required && spec.trouble?.(report) !== undefined);
  }

  get #enabled(): readonly Service[] {
    const config = this.#host.config();
    return this.#services.filter(({ spec }) => isEnabled(spec, config));
  }

  /**
   * Asks a service's thread, which may hang.
   * @param what is asked, for the error
   * @throws DEADLINE_EXCEEDED, and WORKER_EXITED while it is down
   */
  async call<Control extends object, Answer>(
    name: string,
    what: string,
    ask: (control: Remote<Control>) => PromiseLike<Answer>,
    deadline_ms: number,
  ): Promise<Answer> {
    return withDeadline(ask(this.control<Control>(name)), deadline_ms, `${what} of ${name}`);
  }

  /** Use under a deadline. @throws WORKER_EXITED while the service is down */
  control<Control extends object>(name: string): Remote<Control> {
    const service = this.#services.find(({ spec }) => spec.name === name);
    if (service?.actor.control) return service.actor.control as unknown as Remote<Control>;
    throw new HuatuoError('WORKER_EXITED', {
      expected: `the service ${name}`,
      found: `it is ${service?.actor.state ?? 'not there'}`,
      remedy: 'see its last error in /api/v1/status',
    });
  }

  /**
   * Resolves when all of them work, or have shown that they do not and are not required.
   * @throws what keeps a required service from its first start, and the reason of `stopping` as soon as it is aborted
   */
  async start(stopping?: AbortSignal): Promise<void> {
    const services = this.#enabled;
    // What keeps one from starting is told before there is a thread that would have to be stopped again.
    for (const { spec } of services) spec.prepare?.(this.#host.config());
    for (const service of services) {
      service.actor.start();
      if (service.spec.required) await unlessAborted(works(service), stopping);
    }
    for (const service of services) {
      if (service.spec.required) continue;
      const waited = works(service).catch((error: unknown) => {
        if (!stopping?.aborted) this.#host.log.warn(`${service.spec.name} does not work yet`, { error });
      });
      await unlessAborted(waited, stopping);
    }
  }

  /**
   * Puts the configuration now in force into the services: those it touches are replaced, the others told.
   * @returns names of those that were replaced
   * @throws what keeps a replaced one from working, and the reason of `stopping` as soon as it is aborted: none is left without
   * its thread then
   */
  async apply(before: EffectiveConfig, stopping?: AbortSignal): Promise<string[]> {
    const now = this.#host.config();
    const replaced: string[] = [];
    for (const service of this.#services) {
      stopping?.throwIfAborted();
      const { spec, actor } = service;
      if (!isEnabled(spec, now)) {
        if (!isEnabled(spec, before)) continue;
        await actor.stop((control) => control.close());
        replaced.push(spec.name);
      } else if (!isEnabled(spec, before) || part(spec, before) !== part(spec, now)) {
        await actor.recycle((control) => control.close());
        await unlessAborted(works(service), stopping);
        replaced.push(spec.name);
      } else this.#configure(service);
    }
    return replaced;
  }

  /** Tells each what it has to know of the collectors. */
  configure(): void {
    for (const service of this.#enabled) this.#configure(service);
  }

  /** Asks each for its report. What is down, or does not answer, keeps what it told last. */
  ask(deadline_ms: number): Promise<void> {
    return this.#ask(this.#enabled, deadline_ms);
  }

  /** The same of those whose report has metrics. */
  askForFamilies(deadline_ms: number): Promise<void> {
    return this.#ask(
      this.#enabled.filter(({ spec }) => spec.families),
      deadline_ms,
    );
  }

  async #ask(services: readonly Service[], deadline_ms: number): Promise<void> {
    await Promise.all(
      services.map(async (service) => {
        const { spec, actor } = service;
        if (!spec.report || !actor.control) return;
        const ask = spec.report.bind(spec);
        await this.call(spec.name, 'status', ask, deadline_ms).then((report) => {
          service.report = report;
        }, ignoreDeadWorker);
      }),
    );
  }

  /** What they told last. */
  get report(): ServiceReport {
    return Object.assign({}, ...this.#enabled.map(({ report }) => report));
  }

  /** The same as metrics. */
  families(): OwnFamily[] {
    return this.#enabled.flatMap(({ spec, report }) => spec.families?.(report) ?? []);
  }

  /** Those that are on the agent's page only. */
  details(): OwnFamily[] {
    return this.#enabled.flatMap(({ spec, report }) => spec.details?.(report) ?? []);
  }

  /** Stops the last one first: what it needs is still there. What one cannot let go of costs no other its stop. */
  async stop(): Promise<void> {
    for (const { spec, actor } of this.#services.toReversed()) {
      try {
        await actor.stop((control) => control.close());
        await spec.release?.();
      } catch (error) {
        this.#host.log.error(`${spec.name} was not stopped in good order`, { error });
      }
    }
  }

  /** New ports between a reader that has started and every service that collectors read from. */
  connect(reader: ReaderActor): void {
    for (const { spec, actor } of this.#services) if (spec.collectors) connect(reader, actor);
  }

  /** The reader is no longer configured. A service that does not answer is waited for no longer than that: it hangs, and is replaced. */
  async forget(reader: string, deadline_ms: number): Promise<void> {
    const served = this.#services.filter(({ spec, actor }) => spec.collectors && actor.control);
    const ask = (control: Remote<Served>): Promise<void> => control.forget(reader);
    await Promise.allSettled(
      served.map(({ spec }) => this.call(spec.name, `forgetting ${reader}`, ask, deadline_ms)),
    );
  }

  #create(spec: ServiceSpec<ServiceControl>): Service {
    const { supervisor } = this.#host.config();
    const stats = ActorStats.allocate();
    const actor: Service['actor'] = new WorkerActor(
      {
        name: spec.name,
        role: spec.role,
        entry: spec.entry ?? pathToFileURL(at('dist/workers', `${spec.name}.js`)),
        workerData: (control) => {
          const config = this.#host.config();
          spec.prepare?.(config);
          const { name } = spec;
          const data: ServiceData<object> = {
            name,
            options: spec.options(config),
            control,
            log: config.log,
            stats,
          };
          return data;
        },
        ...(spec.serve && { serve: spec.serve }),
        restart: serviceRestart(supervisor),
        shutdown_ms: supervisor.stop_timeout_ms * spec.stopShare,
        startTimeout_ms: supervisor.start_timeout_ms,
        heartbeatTimeout_ms: supervisor.heartbeat_timeout_ms,
        stats,
        resourceLimits: { ...WORKER_LIMITS, ...spec.limits },
      },
      {
        started: (control) => this.#started(service, control),
        notice: () => undefined,
        changed: (status) => this.#hooks.changed(status),
        ended: () => undefined,
      },
    );
    const service: Service = { spec, actor, report: {} };
    return service;
  }

  #started(started: Service, control: Remote<ServiceControl>): void {
    const { spec, actor } = started;
    this.#configure(started);
    if (spec.collectors) for (const reader of this.#hooks.readers()) connect(reader, actor);
    for (const other of this.#services) {
      if (spec.uses?.includes(other.spec.name)) connect(actor, other.actor);
      if (other.spec.uses?.includes(spec.name)) connect(other.actor, actor);
    }
    // A worker that cannot do its work ends with an error, which is what the supervisor acts upon. One that is gone has ended already.
    spec.works(control).then(
      () => actor.enter('running'),
      (error: unknown) => {
        if (!isGone(error)) actor.end(HuatuoError.from(error, 'WORKER_EXITED', 'see its log'));
      },
    );
  }

  #configure({ spec, actor }: Service): void {
    if (actor.control) spec.configure?.(actor.control)?.then(undefined, ignoreDeadWorker);
  }
}

function connect(
  reader: ReaderActor,
  service: { readonly name: string; readonly control: Remote<Served> | undefined },
): void {
  if (!reader.control || !service.control) return;
  if (reader.services && !reader.services.includes(service.name)) return;
  const { port1, port2 } = new MessageChannel();
  reader.control.connectTo(service.name, transferPort(port1)).catch(ignoreDeadWorker);
  service.control.connect(reader.name, transferPort(port2)).catch(ignoreDeadWorker);
}

function isEnabled(spec: ServiceSpec<ServiceControl>, config: EffectiveConfig): boolean {
  return spec.enabled?.(config) ?? true;
}

/** Everything of the configuration that a service's worker was started with. */
function part(spec: ServiceSpec<ServiceControl>, config: EffectiveConfig): string {
  return JSON.stringify([spec.options(config), config.log, supervisionPart(config)]);
}

/**
 * Waits until a service works. One that fails at its very first start fails the agent, and after a reload the reload: the
 * directory or the port is wrong, and the person who changed it is there to read the message.
 */
async function works({ actor }: Service): Promise<void> {
  const { name, startTimeout_ms } = actor.spec;
  await withDeadline(
    actor.settled,
    startTimeout_ms,
    `start of ${name}`,
    'on a very slow host raise supervisor.start_timeout',
  );
}

/** A control call to a worker that died meanwhile: its successor is told the same. */
function ignoreDeadWorker(): void {}

function isGone(error: unknown): boolean {
  return error instanceof HuatuoError && error.code === 'WORKER_EXITED';
}
