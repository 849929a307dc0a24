/** Waits of a container or unit, and whether they are out of its ordinary. */
import type { CgroupBandwidth } from '../../procfs/cgroup-bandwidth.ts';
import { type CpuWait, waitPercent } from '../../procfs/cpu-percent.ts';
import type { Window, WindowSample } from '../../sdk/index.ts';

/** Of the cgroup and those above it: a quota there holds it up, too. Absent where the kernel knows no quotas. */
export type Throttling = Pick<CgroupBandwidth, 'throttledPeriods' | 'throttled_ns'>;

/** One sample. */
export interface WaitState extends CpuWait {
  /** Where waits were added up over so many tasks. */
  readonly tasks?: number | undefined;
  readonly throttling: Throttling;
}

/** Percent of the time, as the wait is measured. */
interface WaitHistory {
  readonly now_percent: number;
  /** How many tasks waited at a time, on average over the newest interval. */
  readonly waiting_tasks: number;
  /** Of the intervals before. */
  readonly mean_percent: number;
  readonly deviation_percent: number;
  /** Of all intervals: by how much the line through them rises from the first to the last. */
  readonly rise_percent: number;
}

interface Point {
  readonly seconds: number;
  readonly percent: number;
}

/**
 * @param least_tasks that wait at a time, on average: an interval with fewer counts as one without waits. The share of one
 * that hardly wants to run is that of a few wake-ups, and may be anything.
 * @returns undefined while the newest interval, or half of those before, is not known
 */
export function historyOf(
  { samples, newest, full }: Window<WaitState>,
  least_tasks: number,
): WaitHistory | undefined {
  const previous = samples.at(-2);
  if (!full || !previous) return undefined;
  const points = samples.slice(1).flatMap((to, index): Point[] => {
    const from = samples[index]!;
    const share = between(from, to);
    if (share === undefined) return [];
    const percent = waitingAt(from, to) < least_tasks ? 0 : share;
    return [{ seconds: Number(to.boottime_ns) / 1e9, percent }];
  });
  const now_percent = between(previous, newest);
  const before = points.slice(0, -1).map(({ percent }) => percent);
  if (now_percent === undefined || 2 * before.length < samples.length - 2) return undefined;
  const mean_percent = meanOf(before);
  return {
    now_percent,
    waiting_tasks: waitingAt(previous, newest),
    mean_percent,
    deviation_percent: Math.sqrt(meanOf(before.map((percent) => (percent - mean_percent) ** 2))),
    rise_percent: riseOf(points),
  };
}

/** @returns undefined when sums over tasks tell nothing: one has ended, or one that is old has come from elsewhere */
function between(from: WindowSample<WaitState>, to: WindowSample<WaitState>): number | undefined {
  const passed_ns = passed(from, to);
  const percent = waitPercent(from.state, to.state, passed_ns);
  const { tasks } = to.state;
  if (percent === undefined || tasks === undefined) return percent;
  const spent_ns =
    to.state.wait_ns - from.state.wait_ns + ((to.state.run_ns ?? 0) - (from.state.run_ns ?? 0));
  return spent_ns <= tasks * passed_ns * 1.1 ? percent : undefined;
}

/**
 * @returns what quotas have held up since then, and whether they are why it waited: the time they took is half of the wait, or half
 * of the time that passed (of which tasks that share a run queue have each waited the whole)
 */
export function throttlingSince(
  from: WindowSample<WaitState>,
  to: WindowSample<WaitState>,
):
  | { readonly throttled_periods: number; readonly throttled_ns: number; readonly quota_is_cause: boolean }
  | undefined {
  const since = (key: keyof Throttling): number | undefined => {
    const [before, after] = [from.state.throttling[key], to.state.throttling[key]];
    return before === undefined || after === undefined ? undefined : Math.max(0, after - before);
  };
  const [throttled_periods, throttled_ns] = [since('throttledPeriods'), since('throttled_ns')];
  if (throttled_periods === undefined || throttled_ns === undefined) return undefined;
  const waited_ns = Math.min(to.state.wait_ns - from.state.wait_ns, passed(from, to));
  return {
    throttled_periods,
    throttled_ns,
    quota_is_cause: throttled_ns > 0 && throttled_ns >= waited_ns / 2,
  };
}

function waitingAt(from: WindowSample<WaitState>, to: WindowSample<WaitState>): number {
  return (to.state.wait_ns - from.state.wait_ns) / passed(from, to);
}

function passed(from: WindowSample<unknown>, to: WindowSample<unknown>): number {
  return Number(to.boottime_ns - from.boottime_ns);
}

function meanOf(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / Math.max(1, values.length);
}

/** By least squares. */
function riseOf(points: readonly Point[]): number {
  const [first, last] = [points[0], points.at(-1)];
  if (!first || !last) return 0;
  const centre = meanOf(points.map(({ seconds }) => seconds));
  const mean = meanOf(points.map(({ percent }) => percent));
  const spread = points.reduce((sum, { seconds }) => sum + (seconds - centre) ** 2, 0);
  const shared = points.reduce((sum, { seconds, percent }) => sum + (seconds - centre) * (percent - mean), 0);
  return spread === 0 ? 0 : (shared / spread) * (last.seconds - first.seconds);
}
