/** Bursts of CPU use in containers and systemd units, with what they ran. */
import { readCgroupCores, readCgroupCpuUse } from '../../procfs/cgroup-cpu.ts';
import { type CpuPercent, containerPercent } from '../../procfs/cpu-percent.ts';
import { readCpuStat } from '../../procfs/stat.ts';
import * as sdk from '../../sdk/index.ts';
import { judgeBurst } from './cpu-burst.ts';

const limit = (percent: number, doc: string) => sdk.number(percent, doc, { min: 0, max: 100 });

export default sdk.defineAutotracing({
  doc: 'Shows what a container or systemd unit ran when its CPU use has grown suddenly.',
  about: {
    question: 'What did a container or systemd unit run when its CPU use jumped to most of what it may use?',
    reads:
      '/proc/stat; cpu.stat or cpuacct, quotas and cpusets of cgroups; at a capture a profile of CPU time, with pre_capture one all the time',
    kernel: 'any with the cpu controller; the profile 5.11 with BTF, pre_capture 5.11',
    falsePositives:
      'Work that comes in bursts by design, as builds and batches do. Not seen: use that grows over more than a few samples, what is busy from its first sample on, and bursts shorter than a sample. Without a quota or a cpuset a container or unit may use all CPUs, and hardly uses most of them on a large host. What containers below a unit use is the unit’s, too. The profile begins when the burst was seen, up to a sample after its start; pre_capture adds what ran before',
  },
  options: {
    ...sdk.WORKLOAD_FILTER,
    ...sdk.PRECAPTURE,
    window: sdk.count(3, 'Samples: use between the last two is held against that between those before', {
      min: 3,
      max: 720,
    }),
    user_percent: limit(75, 'User time beyond this is a burst, in percent of the CPUs it may use'),
    user_percent_delta: limit(45, 'if it is also this much more than before, in percentage points'),
    system_percent: limit(45, 'System time beyond this is a burst'),
    system_percent_delta: limit(20, 'if it is also this much more than before'),
    total_percent: limit(90, 'Both together beyond this are a burst'),
    total_percent_delta: limit(55, 'if they are also this much more than before'),
    profile: sdk.duration('10s', 'How long it is profiled', sdk.IN_CAPTURE),
  },
  document: {
    user_percent: sdk.decimal('User time, in percent of the CPUs it may use'),
    user_percent_threshold: sdk.decimal('Limit of it'),
    user_percent_delta: sdk.decimal('How much more that is than before, in percentage points'),
    user_percent_delta_threshold: sdk.decimal('Limit of that'),
    system_percent: sdk.decimal('System time, in percent of the CPUs it may use'),
    system_percent_threshold: sdk.decimal('Limit of it'),
    system_percent_delta: sdk.decimal('How much more that is than before, in percentage points'),
    system_percent_delta_threshold: sdk.decimal('Limit of that'),
    total_percent: sdk.decimal('Both together, in percent of the CPUs it may use'),
    total_percent_threshold: sdk.decimal('Limit of it'),
    total_percent_delta: sdk.decimal('How much more that is than before, in percentage points'),
    total_percent_delta_threshold: sdk.decimal('Limit of that'),
    cores: sdk.decimal('CPUs it may use: the least of its quota, its cpuset and those of the host'),
    seconds: sdk.decimal('Over which its use was measured'),
    ...sdk.PROFILE_FIELDS,
  },
  sample: (ctx) => {
    const online = readCpuStat(ctx.paths.procfs).cpus.size;
    const isWanted = sdk.workloadFilter(ctx.options);
    return sdk.perWorkload(ctx, (one) => {
      const use = isWanted(one) ? readCgroupCpuUse(one.cgroups) : undefined;
      return use && { ...use, cores: readCgroupCores(one.cgroups, online) };
    });
  },
  trigger({ oldest, samples, newest, full }, options) {
    const previous = samples.at(-2);
    if (!full || !previous) return undefined;
    const { cores } = newest.state;
    // Of the CPUs that it may use now, also before: to lower a quota makes no burst.
    const use = (from: typeof newest, to: typeof newest): CpuPercent =>
      containerPercent(from.state, to.state, Number(to.boottime_ns - from.boottime_ns) * cores);
    const [before, now] = [use(oldest, previous), use(previous, newest)];
    const user = judgeBurst('user', [before.usr, now.usr], options);
    const system = judgeBurst('system', [before.sys, now.sys], options);
    const total = judgeBurst('total', [before.total, now.total], options);
    if (!user.isBurst && !system.isBurst && !total.isBurst) return undefined;
    const seconds = Number(newest.boottime_ns - previous.boottime_ns) / 1e9;
    return { ...user.fields, ...system.fields, ...total.fields, cores, seconds };
  },
  capture: async (_subject, why, { profile, options }) => ({
    ...why,
    ...sdk.profileDocument(await profile.around({ seconds: options.profile })),
  }),
});
