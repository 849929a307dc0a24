/** The agent's state as data: what `/api/v1/status` answers and the landing page shows. */
import type { WireError } from '../error.ts';
import type { CollectorKind } from '../sdk/collector.ts';

export type ActorRole = 'collector' | 'storage' | 'containers' | 'pool';

const ACTOR_STATES = [
  /** Its thread is up, it has not yet said that it collects. */
  'starting',
  /** It works. A collector that has told nothing yet may have no thread. */
  'running',
  /** An autotracer that has no thread: it takes samples, and all is well. */
  'sampling',
  /** The same, with a worker for each capture that runs. */
  'capturing',
  /** Its `start` returned; it is enabled again after its interval. */
  'waiting',
  /** It crashed and its back-off is running. */
  'restarting',
  /** Over its CPU budget. */
  'throttled',
  /** Too many restarts in the window; retried slowly. */
  'failed',
  /** This kernel or host cannot run it; never retried. */
  'unsupported',
  'disabled',
  'stopped',
] as const;
export type ActorState = (typeof ACTOR_STATES)[number];

/** It does what it is there for, or is meant not to. */
const HEALTHY_STATES: ReadonlySet<ActorState> = new Set<ActorState>([
  'running',
  'sampling',
  'capturing',
  'waiting',
  'disabled',
  'stopped',
]);

/** Nothing of what it is there for is lost: a kernel without bonds has none that could fail. */
export function isHealthy({ state, reason }: Pick<ActorStatus, 'state' | 'reason'>): boolean {
  return HEALTHY_STATES.has(state) || (state === 'unsupported' && reason?.code === 'KERNEL_FEATURE_MISSING');
}

/** An error without its stack: what a user may see. */
export type StatusError = Omit<WireError, 'stack' | 'cause'>;

export interface ActorStatus {
  readonly name: string;
  readonly role: ActorRole;
  /** Collectors only. */
  readonly kind?: CollectorKind;
  readonly state: ActorState;
  /** Why it is not running, or runs and does not get on. */
  readonly reason?: StatusError;
  readonly restarts: number;
  /** The newest failure, kept after a successful restart. */
  readonly last_error?: StatusError;
  /** Programs of its object that do not run because this kernel does not have or take them; the collector does without. */
  readonly missing_programs?: readonly MissingProgram[];
  /** Of programs that have variants, the one that runs here. */
  readonly chosen_variants?: readonly ChosenVariant[];
  /** What its programs have counted of themselves: `series_overflows`, `span_overflows` and others, by variable. */
  readonly program_counts?: Readonly<Record<string, number>>;
  /** What the configuration asks of its thread's CPU fence, and whether it is in force; nothing of what was not asked. */
  readonly fence?: FenceStatus;
  /** When it entered `state`; RFC 3339, UTC. */
  readonly since: string;
  /** Measurements of actors that have a thread; what does not apply is left out. */
  readonly vitals?: ActorMeasurements;
}

export type FencePartName = 'affinity' | 'nice' | 'quota';

export type FenceStatus = Readonly<Partial<Record<FencePartName, FencePartStatus>>>;

type FencePartStatus =
  | { readonly in_force: true }
  /** A quota that the kernel does not keep is kept by measurement. */
  | { readonly in_force: false; readonly reason: StatusError };

interface ChosenVariant {
  /** What its variants have in common: the C name before `___`. */
  readonly purpose: string;
  readonly program: string;
  readonly section: string;
}

interface MissingProgram {
  /** C name. */
  readonly program: string;
  /** What it would be attached to. */
  readonly section: string;
  readonly reason: string;
}

/** Numbers about one actor's thread, and for collectors with a ring about that. */
export interface ActorMeasurements {
  readonly heartbeat_age_seconds?: number;
  /** Over all runs of the actor. */
  readonly cpu_seconds?: number;
  readonly heap_bytes?: number;
  /** What its heap keeps alive outside of it: buffers and WebAssembly memory. What is shared counts for each thread that has it. */
  readonly external_bytes?: number;
  readonly in_flight_bytes?: number;
  readonly ring_bytes?: number;
  readonly ring_high_water_bytes?: number;
  readonly refused_batches?: number;
  readonly unenriched_documents?: number;
  readonly busy_heads?: number;
  readonly lookup_misses?: number;
  readonly lookup_evictions?: number;
  /** Of BPF programs: the kernel left them out, because they were running on that CPU already. */
  readonly missed_runs?: number;
  /** What the supervisor could not read or set of its object (Attempts). */
  readonly failed_attempts?: number;
  readonly throttled_seconds?: number;
  /** 1 keeps every event. */
  readonly sampling_ratio?: number;
}

/** Strips what `/api/v1/status` must not show: stacks name paths of the host, causes repeat the message. */
export function statusError(error: Pick<WireError, 'code' | 'message' | 'remedy'>): StatusError {
  return { code: error.code, message: error.message, remedy: error.remedy };
}
