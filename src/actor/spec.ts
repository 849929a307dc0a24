import type { MessagePort, ResourceLimits } from 'node:worker_threads';
import type { HuatuoError } from '../error.ts';
import type { CollectorKind } from '../sdk/collector.ts';
import type { RestartSpec } from './restart.ts';
import type { Remote } from './rpc.ts';
import type { ActorRole, ActorStatus } from './state.ts';

/** A child spec: everything the supervisor needs to start, watch, stop and replace one worker. */
export interface ActorSpec {
  readonly name: string;
  readonly role: ActorRole;
  readonly kind?: CollectorKind;
  /** Compiled entry point. */
  readonly entry: URL;
  /** `workerData` of one run, and what of it is transferred. Called for each start. */
  readonly workerData: (control: MessagePort) => object;
  /** Methods the worker may call on the control port. */
  readonly serve?: object;
  readonly restart: RestartSpec;
  /** How long an orderly stop may take before the worker is terminated. */
  readonly shutdown_ms: number;
  /** The same of one that is starting: loading modules and passing the verifier block the thread. */
  readonly startTimeout_ms: number;
  /** A worker that has not answered for so long is hung. */
  readonly heartbeatTimeout_ms: number;
  /** `ActorStats` of the actor; the worker answers there (heartbeat.ts). */
  readonly stats: SharedArrayBuffer;
  readonly resourceLimits: ResourceLimits;
}

/** What the supervisor is told. All are called in the supervisor's thread, none may throw. */
export interface ActorHooks<Control extends object> {
  /** A new run has begun: connect its ports. Calls are queued until the worker's loop turns. */
  started(control: Remote<Control>): void;
  notice(notice: unknown): void;
  changed(status: ActorStatus): void;
  /** The worker is gone, whatever it held that is not in shared memory is lost. `error`: why, unless it was asked to. */
  ended(error: HuatuoError | undefined): void;
}
