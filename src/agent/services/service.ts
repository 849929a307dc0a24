/**
 * A service is an actor that the others lean on: it keeps documents, shows pages, knows containers. Each is described by one
 * file beside this one, as data; `list.ts` says which there are, `services.ts` runs them. To add one: its spec here, its
 * element there, workers/<name>.ts, and its section of the configuration.
 */
import type { MessagePort, ResourceLimits } from 'node:worker_threads';
import type { Remote } from '../../actor/rpc.ts';
import type { ActorRole, StatusError } from '../../actor/state.ts';
import type { EffectiveConfig } from '../../config/effective.ts';
import type { RingWatch } from '../../kernel/ring-watch.ts';
import type { MappedCollector } from '../../map-metrics/map-source.ts';
import type { PoolCollector } from '../../pool/file-task.ts';
import type { Log } from '../../sdk/context.ts';
import type { MetricsAnswer } from '../../sdk/metrics.ts';
import type { OwnFamily } from '../../storage/prometheus/own-family.ts';
import type { StatusDocument } from '../../web/status.ts';
import type { AttachedObject } from '../child.ts';

/** What services tell of themselves beside their state. */
export type ServiceReport = Pick<StatusDocument, 'containers' | 'elasticsearch' | 'journal' | 'pooled'>;

/** What every service's thread answers on its control port. */
export interface ServiceControl {
  /** Ends in good order; the worker ends when it has resolved. */
  close(): void | Promise<void>;
}

/** What a service answers that has readers. */
export interface Served {
  /** Serves a reader on `port`, which is transferred; a former port of the same reader is closed. */
  connect(reader: string, port: MessagePort): void;
  /** The reader is no longer configured. */
  forget(reader: string): void;
}

/** What a reader answers: a collector, or a service that uses others. */
export interface Reader {
  /** Takes a new port to a service into use; `port` is transferred. Called after each start of either. */
  connectTo(service: string, port: MessagePort): void;
}

/** What a service may ask of the agent it is part of. */
export interface ServiceHost {
  readonly log: Log;
  /** Hears the rings' wake-ups. */
  readonly rings: RingWatch;
  /** The configuration in force. */
  config(): EffectiveConfig;
  /** Enabled collectors that run as tasks on the pool. */
  pooled(): readonly PoolCollector[];
  /** Enabled collectors of whose object a page shows the maps, and nothing else. */
  mapped(): readonly MappedCollector[];
  /** The object of one of them. @throws COLLECTOR_STARTING, WORKER_EXITED */
  attached(collector: string): AttachedObject;
  status(): Promise<StatusDocument>;
  /**
   * The agent's own metrics.
   * @param isDetailed those that are on the agent's page only, too
   * @param known token of the newest answer with the same details
   */
  families(isDetailed: boolean, known?: string): Promise<MetricsAnswer>;
  /**
   * Calls of another service's thread; use under a deadline.
   * @throws WORKER_EXITED while it is down
   */
  control<Control extends object>(service: string): Remote<Control>;
}

export interface ServiceSpec<Control extends ServiceControl> {
  /** Of the actor, its thread, and workers/<name>.ts. */
  readonly name: string;
  readonly role: ActorRole;
  /** Compiled entry point, when it is not workers/<name>.js. */
  readonly entry?: URL;
  /** Where its heap is another than that of other workers. */
  readonly limits?: ResourceLimits;
  /** Part of `supervisor.stop_timeout` that its orderly stop may take. */
  readonly stopShare: number;
  /** Without it the service runs in every configuration. Where it does not, it has no thread and is not in the status. */
  enabled?(config: EffectiveConfig): boolean;
  /** The agent does not start, and no reload succeeds, when it cannot do its work. */
  readonly required: boolean;
  /** `workerData.options`: called for each start of its worker. A reload after which it is another restarts the worker. */
  options(config: EffectiveConfig): object;
  /** Called before the first service starts, and before each start of its worker, e.g. to take a lock. @throws what keeps it from starting */
  prepare?(config: EffectiveConfig): void;
  /** Methods its worker may call on the control port. */
  readonly serve?: object;
  /** Settles when the worker does its work. */
  works(control: Remote<Control>): PromiseLike<unknown>;
  /** After each start of its worker, and after each reload. */
  configure?(control: Remote<Control>): PromiseLike<void>;
  /** Every collector gets a port to it: its control is `Served`. */
  readonly collectors?: true;
  /** Services it gets a port to, which are `Served`: its control is a `Reader`. */
  readonly uses?: readonly string[];
  /** Its part of `/api/v1/status`, asked for each page: `{ containers: … }`. */
  report?(control: Remote<Control>): PromiseLike<ServiceReport>;
  /**
   * Why it does not get on though its thread runs, by what it told last: the reason its actor shows. The agent is degraded for
   * as long as a required service has one.
   */
  trouble?(report: ServiceReport): StatusError | undefined;
  /** The same as metrics. */
  families?(report: ServiceReport): readonly OwnFamily[];
  /** More of them, for the agent's page only. */
  details?(report: ServiceReport): readonly OwnFamily[];
  /** Lets go of what it held; called once its worker has been stopped for good. */
  release?(): void | Promise<void>;
}

/** One element of the list; called once for an agent. */
export type ServiceFactory = (host: ServiceHost) => ServiceSpec<ServiceControl>;
