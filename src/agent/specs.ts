/** Child specs: how each role is restarted and what it may use. */
import type { ResourceLimits } from 'node:worker_threads';
import type { RestartSpec } from '../actor/restart.ts';
import type { SupervisorConfig } from '../config/effective.ts';

/**
 * Heap of one worker. Batches and decoder memory live outside the V8 heap and have their own bounds (ring.batch_size,
 * ring.batches_in_flight), so a collector that reaches this has a leak. V8 keeps the young generation at its full size once
 * a start has filled it; few threads make garbage fast enough to need more than this (`ServiceSpec.limits`).
 */
export const WORKER_LIMITS: ResourceLimits = {
  maxOldGenerationSizeMb: 128,
  maxYoungGenerationSizeMb: 2,
  stackSizeMb: 4,
};

/** Part of `supervisor.stop_timeout` in which collectors drain, side by side; the services have the rest (`ServiceSpec.stopShare`). */
export const COLLECTOR_STOP_SHARE = 0.55;

/** A worker that has been up for this long starts over with a clean record. */
const CALM_MS = 60_000;
/** A service is waited for by collectors, whose rings fill meanwhile: one that has failed is tried again at least as often. */
const SERVICE_RETRY_MS = 5_000;

export function serviceRestart(supervisor: SupervisorConfig): RestartSpec {
  return {
    restart: 'permanent',
    intensity: supervisor.restarts,
    window_ms: supervisor.restart_window_ms,
    backoffMin_ms: supervisor.backoff_min_ms,
    backoffMax_ms: supervisor.backoff_max_ms,
    calm_ms: CALM_MS,
    failedRetry_ms: Math.min(supervisor.failed_retry_ms, SERVICE_RETRY_MS),
  };
}

/** @param interval_seconds the collector's own pace: a failed start never waits longer than a returned one */
export function collectorRestart(supervisor: SupervisorConfig, interval_seconds: number): RestartSpec {
  return {
    ...serviceRestart(supervisor),
    backoffMax_ms: Math.min(supervisor.backoff_max_ms, interval_seconds * 1000),
    failedRetry_ms: supervisor.failed_retry_ms,
  };
}

/** What comes after a capture that has ended in any way is its owner's to say (capture-run.ts). */
export const CAPTURE_RESTART: RestartSpec = {
  restart: 'temporary',
  intensity: 0,
  window_ms: 0,
  backoffMin_ms: 0,
  backoffMax_ms: 0,
  calm_ms: 0,
  failedRetry_ms: 0,
};
