/** Containers and systemd units that wait for CPUs more than they used to, and who had the CPUs. */
import { atAndAbove } from '../../procfs/cgroup-ancestors.ts';
import { parseCgroupBandwidth } from '../../procfs/cgroup-bandwidth.ts';
import { readCgroupPressure } from '../../procfs/pressure.ts';
import { allowedCpus, readRunDelay } from '../../procfs/run-delay.ts';
import * as sdk from '../../sdk/index.ts';
import { processOwners, RUNNERS, runnersOf } from './cpu-runners.ts';
import { historyOf, type Throttling, throttlingSince, type WaitState } from './wait-history.ts';

/** A container that hardly ever waits has next to no deviation, and each wait would be out of its ordinary. */
const LEAST_DEVIATION_PERCENT = 2;
const NS_PER_US = 1_000;

export default sdk.defineAutotracing({
  doc: 'Shows who had the CPUs when a container or systemd unit waits for them more than it used to, or whether its quota was the cause.',
  about: {
    question:
      'Which container or systemd unit waits for CPUs more than it used to, who runs on them meanwhile, and is it not rather its quota?',
    reads:
      'cpu.pressure of cgroups v2, else schedstat of each task; cpu.stat; at a capture a profile of the CPU time of the host',
    kernel: 'v2 4.20 with CONFIG_PSI, else CONFIG_SCHED_INFO, which most have; the profile 5.8 with BTF',
    falsePositives:
      'Shares are of different things: with pressure of all time, as long as one task waited; else of the time that tasks wanted to run. What begins to work, with more threads than CPUs, waits for itself. Without pressure, tasks that end leave a gap, so one whose tasks are short is hardly seen, nor is the wait of more than its first 256 tasks',
  },
  options: {
    ...sdk.WORKLOAD_FILTER,
    window: sdk.count(30, 'Samples that the newest wait is held against; none is judged before as many', {
      min: 4,
      max: 720,
    }),
    wait_percent: sdk.number(20, 'Least share of its time that it waits, in percent', {
      min: 0,
      max: 100,
    }),
    waiting_tasks: sdk.number(
      0.1,
      'Least tasks that wait at a time, on average; a sample with fewer counts as one without waits',
      {
        min: 0,
      },
    ),
    deviations: sdk.number(3, 'So many standard deviations above the mean is out of the ordinary', {
      min: 0,
    }),
    rise: sdk.number(30, 'or when the line through the window rises by this, in percentage points', {
      min: 0,
    }),
    top: sdk.count(10, 'Names of processes that ran, in a document', { max: 100 }),
    profile: sdk.duration('10s', 'How long the host is profiled', sdk.IN_CAPTURE),
  },
  document: {
    wait_percent: sdk.decimal('Share of the time that it waits for a CPU: see source'),
    source: sdk.keyword(
      'tasks: of the time that its tasks wanted to run; pressure: of all time, as long as one of them waited',
    ),
    waiting_tasks: sdk.decimal('Tasks that waited at a time, on average; with pressure at most 1'),
    mean_percent: sdk.decimal('Mean of that share over the window, up to then'),
    deviation_percent: sdk.decimal('Standard deviation of it, in percentage points'),
    rise_percent: sdk.decimal('By how much the line through the window rises, in percentage points'),
    reason: sdk.keyword('jump: far above the mean; rise: along the line'),
    window_seconds: sdk.decimal('From the first sample to the last'),
    throttled_periods: sdk.optional(
      sdk.integer('Periods between the last two samples in which its quota, or one above, held it up'),
    ),
    throttled_ns: sdk.optional(sdk.nanoseconds('For how long, over its CPUs')),
    quota_is_cause: sdk.optional(sdk.boolean('Whether that is half of the wait or more')),
    cpus: sdk.optional(sdk.integer('CPUs that its tasks may run on: those that were looked at')),
    idle_percent: sdk.optional(sdk.decimal('Share of the time in which they had nothing to do')),
    runners: RUNNERS,
    ...sdk.PROFILE_FIELDS,
  },
  sample: (ctx) => {
    const isWanted = sdk.workloadFilter(ctx.options);
    return sdk.perWorkload(ctx, (one) => (isWanted(one) ? readWait(one, ctx.paths.procfs) : undefined));
  },
  trigger(window, options) {
    const history = historyOf(window, options.waiting_tasks);
    const previous = window.samples.at(-2);
    if (!history || !previous) return undefined;
    const { now_percent, waiting_tasks, mean_percent, deviation_percent, rise_percent } = history;
    if (now_percent < options.wait_percent || waiting_tasks < options.waiting_tasks) return undefined;
    const usual_percent =
      mean_percent + options.deviations * Math.max(deviation_percent, LEAST_DEVIATION_PERCENT);
    const isJump = now_percent > usual_percent;
    if (!isJump && rise_percent < options.rise) return undefined;
    return {
      wait_percent: rounded(now_percent),
      source: window.newest.state.tasks === undefined ? 'pressure' : 'tasks',
      waiting_tasks: rounded(waiting_tasks),
      mean_percent: rounded(mean_percent),
      deviation_percent: rounded(deviation_percent),
      rise_percent: rounded(rise_percent),
      reason: isJump ? 'jump' : 'rise',
      window_seconds: window.seconds,
      ...throttlingSince(previous, window.newest),
    };
  },
  async capture(subject, why, ctx) {
    const owners = processOwners(ctx);
    const directory = typeof subject === 'string' ? undefined : directoryOf(subject);
    const { procfs, sysfs } = ctx.paths;
    const cpus = directory === undefined ? [] : allowedCpus(procfs, sysfs, directory);
    const { profile: seconds, top } = ctx.options;
    const taken = await ctx.profile.onCpu({ seconds, of: 'host', ...(cpus.length > 0 && { cpus }) });
    const looks = taken.samples + taken.idle;
    return {
      ...why,
      ...(cpus.length > 0 && { cpus: cpus.length }),
      ...(looks > 0 && { idle_percent: rounded((100 * taken.idle) / looks) }),
      runners: runnersOf(taken, new Map([...owners, ...processOwners(ctx)]), top),
      ...sdk.profileDocument(taken),
    };
  },
});

function directoryOf({ cgroups }: sdk.Workload): string | undefined {
  return cgroups.cpu ?? cgroups.unified ?? cgroups.cpuacct;
}

/** Pressure is one file and knows all tasks, also those that have ended. */
function readWait(workload: sdk.Workload, procfs: string): WaitState | undefined {
  const { unified } = workload.cgroups;
  const directory = directoryOf(workload);
  if (directory === undefined) return undefined;
  const stalled = unified === undefined ? undefined : readCgroupPressure(unified, 'cpu')?.some;
  const wait = stalled ? { wait_ns: stalled.total_us * NS_PER_US } : readRunDelay(procfs, directory);
  return wait && { ...wait, throttling: readThrottling(directory) };
}

function readThrottling(directory: string): Throttling {
  const sum: { -readonly [Key in keyof Throttling]: Throttling[Key] } = {};
  for (const { text } of atAndAbove(directory, 'cpu.stat')) {
    const { throttledPeriods, throttled_ns } = parseCgroupBandwidth(text);
    if (throttledPeriods === undefined || throttled_ns === undefined) continue;
    sum.throttledPeriods = (sum.throttledPeriods ?? 0) + throttledPeriods;
    sum.throttled_ns = (sum.throttled_ns ?? 0) + throttled_ns;
  }
  return sum;
}

function rounded(value: number): number {
  return Math.round(value * 10) / 10;
}
