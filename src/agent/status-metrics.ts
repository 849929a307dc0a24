/** The agent about itself, as metrics: actors, rings and the ledger. */

import type { ActorMeasurements } from '../actor/state.ts';
import { counter, gauge, type OwnFamily, type Sample } from '../storage/prometheus/own-family.ts';
import type { LedgerStatus, StatusDocument } from '../web/status.ts';
import type { ReloadRecord } from './reload.ts';

/** What is on every page. Numbers beyond 2^53 are rounded: the exposition format has doubles only. */
export function statusFamilies(status: StatusDocument, reloads: ReloadRecord): OwnFamily[] {
  return [
    buildInfo(status),
    ...reloadFamilies(reloads),
    ...actorFamilies(status),
    ...ledgerFamilies(status),
    ...lossFamilies(status),
  ];
}

/** @param counts undefined while no collector has `pre_capture` */
export function precaptureFamilies(
  counts: { readonly samples: number; readonly lost: number } | undefined,
): OwnFamily[] {
  if (!counts) return [];
  const value = { kept: counts.samples - counts.lost, lost: counts.lost };
  return [
    counter(
      'huatuo_precapture_samples_total',
      'Samples of the profile that runs for pre_capture: kept, and those for whose stack there was no room.',
      (['kept', 'lost'] as const).map((outcome) => ({ labels: { outcome }, value: value[outcome] })),
    ),
  ];
}

function reloadFamilies({ successful, success_seconds }: ReloadRecord): OwnFamily[] {
  return [
    gauge(
      'huatuo_config_last_reload_successful',
      'Whether the newest reload of the configuration was accepted.',
      [{ labels: {}, value: Number(successful) }],
    ),
    gauge(
      'huatuo_config_last_reload_success_timestamp_seconds',
      'When the configuration in force was read.',
      [{ labels: {}, value: success_seconds }],
    ),
  ];
}

function buildInfo({ agent }: StatusDocument): OwnFamily {
  const labels = { version: agent.version, node_version: agent.node, kernel: agent.kernel };
  return gauge('huatuo_build_info', 'Always 1; the labels say what runs.', [{ labels, value: 1 }]);
}

function actorFamilies({ actors }: StatusDocument): OwnFamily[] {
  // Of eleven states only the one it is in: an alert selects by the label, and a series that ends is no longer firing.
  const states = actors.map(({ name, role, state }) => ({ labels: { actor: name, role, state }, value: 1 }));
  const restarts = actors
    .filter(({ state }) => state !== 'disabled')
    .map(({ name, role, restarts: value }) => ({ labels: { actor: name, role }, value }));
  return [
    gauge('huatuo_actor_state', 'State of each actor: 1 for the one it is in; there is no other.', states),
    counter('huatuo_actor_restarts_total', 'Times the actor was started again after it had ended.', restarts),
    gauge(
      'huatuo_actor_fence_in_force',
      'Whether what the configuration asks of the CPU fence (affinity, nice, quota) is in force: 1 yes, 0 no. A quota that the kernel does not keep is kept by measurement.',
      actors.flatMap(({ name, role, fence = {} }) =>
        Object.entries(fence).map(([part, { in_force }]) => ({
          labels: { actor: name, role, part },
          value: Number(in_force),
        })),
      ),
    ),
  ];
}

/** What can become of an event in a ring. */
const RING_CAUSES = [
  ['ring_full', 'dropped_ring_full'],
  ['rate_limited', 'rate_limited'],
  ['malformed', 'malformed'],
] as const;
/** The same of a document that a collector makes itself, which most do not. */
const SAVE_CAUSES = [
  ['invalid', 'dropped_invalid'],
  ['overloaded', 'dropped_overloaded'],
  ['refused', 'dropped_refused'],
  ['cancelled', 'dropped_cancelled'],
  ['lost', 'dropped_lost'],
  ['oversized', 'dropped_oversized'],
] as const;

function causesOf(row: LedgerStatus): readonly (readonly [cause: string, field: keyof LedgerStatus])[] {
  const saved = SAVE_CAUSES.filter(([, field]) => row.saved_produced !== '0' || row[field] !== '0');
  const hasOnlySaved = row.saved_produced !== '0' && row.saved_produced === row.produced;
  return [...(hasOnlySaved ? [] : RING_CAUSES), ...saved];
}

function ledgerFamilies({ ledger }: StatusDocument): OwnFamily[] {
  const of = (field: 'produced' | 'journalled' | 'pending_bytes' | 'difference'): Sample[] =>
    ledger.map((row) => ({ labels: { collector: row.collector }, value: Number(row[field]) }));
  const dropped = ledger.flatMap((row) =>
    causesOf(row).map(([cause, field]) => ({
      labels: { collector: row.collector, cause },
      value: Number(row[field]),
    })),
  );
  return [
    counter(
      'huatuo_events_produced_total',
      'Events that passed their threshold in the kernel, and documents that collectors made themselves.',
      of('produced'),
    ),
    counter(
      'huatuo_events_journalled_total',
      'Events that are in the journal as documents.',
      of('journalled'),
    ),
    counter(
      'huatuo_events_dropped_total',
      'Events that are not in the journal and never will be, by cause.',
      dropped,
    ),
    gauge('huatuo_ring_pending_bytes', 'Bytes of the ring that are not committed yet.', of('pending_bytes')),
    gauge(
      'huatuo_ledger_difference_events',
      'Events produced minus journalled and dropped: what waits to be written, and 0 when nothing is pending.',
      of('difference'),
    ),
  ];
}

function lossFamilies({ actors }: StatusDocument): OwnFamily[] {
  return [
    counter(
      'huatuo_actor_missed_program_runs_total',
      'Runs of BPF programs that the kernel left out, because the program was running on that CPU already.',
      measured(actors, 'missed_runs'),
    ),
    counter(
      'huatuo_actor_throttled_seconds_total',
      'Time the actor was throttled for being over its CPU budget.',
      measured(actors, 'throttled_seconds'),
    ),
    gauge(
      'huatuo_actor_sampling_ratio',
      'Share of events that are kept while the actor is over its CPU budget.',
      measured(actors, 'sampling_ratio'),
    ),
  ];
}

/** What is only on the page of the agent: what it takes to look into one of its threads, some of which must be asked for it. */
export function actorDetails({ actors }: StatusDocument): OwnFamily[] {
  const of = (field: keyof ActorMeasurements): Sample[] => measured(actors, field);
  return [
    gauge(
      'huatuo_actor_heartbeat_age_seconds',
      'For how long the actor has not answered the supervisor; 0 when it has answered.',
      of('heartbeat_age_seconds'),
    ),
    counter('huatuo_actor_cpu_seconds_total', 'CPU time of the actor, over all its runs.', of('cpu_seconds')),
    gauge('huatuo_actor_heap_bytes', 'JavaScript heap of the actor in use.', of('heap_bytes')),
    gauge(
      'huatuo_actor_external_bytes',
      'Buffers and WebAssembly memory that the heap of the actor keeps alive.',
      of('external_bytes'),
    ),
    gauge(
      'huatuo_actor_in_flight_bytes',
      'Bytes sent to the journal and not answered yet.',
      of('in_flight_bytes'),
    ),
    gauge(
      'huatuo_actor_ring_waiting_bytes',
      'Bytes that waited in the ring when the actor last looked.',
      of('ring_bytes'),
    ),
    gauge(
      'huatuo_actor_ring_high_water_bytes',
      'Most bytes that ever waited in the ring.',
      of('ring_high_water_bytes'),
    ),
    counter(
      'huatuo_actor_refused_batches_total',
      'Batches the journal could not write; they stay in the ring.',
      of('refused_batches'),
    ),
    counter(
      'huatuo_actor_unenriched_documents_total',
      'Events written as the kernel gave them, because enrich failed or made too much of them.',
      of('unenriched_documents'),
    ),
    counter(
      'huatuo_actor_busy_heads_total',
      'Reads that stopped at a record its program had not finished.',
      of('busy_heads'),
    ),
    counter(
      'huatuo_actor_lookup_misses_total',
      'Names (containers, symbols, devices) the decoder did not have yet.',
      of('lookup_misses'),
    ),
    counter(
      'huatuo_actor_failed_attempts_total',
      'Times something of its BPF object could not be read or set, for want of files or memory; it is left out then.',
      of('failed_attempts'),
    ),
    counter(
      'huatuo_actor_lookup_evictions_total',
      'Names the decoder forgot to make room for others.',
      of('lookup_evictions'),
    ),
  ];
}

function measured(actors: StatusDocument['actors'], field: keyof ActorMeasurements): Sample[] {
  return actors.flatMap(({ name, role, vitals }) =>
    vitals?.[field] === undefined ? [] : [{ labels: { actor: name, role }, value: vitals[field] }],
  );
}
