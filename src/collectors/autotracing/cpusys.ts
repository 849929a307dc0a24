/** Bursts of system time on the host, with what ran on it. */
import { hostPercent } from '../../procfs/cpu-percent.ts';
import { type CpuTicks, readCpuStat } from '../../procfs/stat.ts';
import * as sdk from '../../sdk/index.ts';
import { judgeBurst } from './cpu-burst.ts';
import { processOwners, RUNNERS, runnersOf } from './cpu-runners.ts';

const limit = (percent: number, doc: string) => sdk.number(percent, doc, { min: 0, max: 100 });

export default sdk.defineAutotracing({
  doc: 'Shows what the host ran when its system time has grown suddenly.',
  about: {
    question: 'Which processes made the kernel busy, and with what, when system time of the host jumped?',
    reads: '/proc/stat; at a capture a profile of CPU time, with pre_capture one all the time',
    kernel: 'any; the profile 5.11 with BTF, pre_capture 5.11',
    falsePositives:
      'Much that is done at once, as a backup or many containers that start. Not seen: system time that grows over more than a few samples, and what is shorter than a sample; what was over before the capture is in its profile with pre_capture alone. System and interrupt time is over all CPUs: one that is full of it hides on a large host',
  },
  options: {
    ...sdk.PRECAPTURE,
    window: sdk.count(3, 'Samples: use between the last two is held against that between those before', {
      min: 3,
      max: 720,
    }),
    system_percent: limit(45, 'System and interrupt time beyond this is a burst, in percent of all CPUs'),
    system_percent_delta: limit(20, 'if it is also this much more than before, in percentage points'),
    top: sdk.count(10, 'Names of processes that ran, in a document', { max: 100 }),
    profile: sdk.duration('10s', 'How long the host is profiled', sdk.IN_CAPTURE),
  },
  document: {
    system_percent: sdk.decimal('System and interrupt time, in percent of all CPUs'),
    system_percent_threshold: sdk.decimal('Limit of it'),
    system_percent_delta: sdk.decimal('How much more that is than before, in percentage points'),
    system_percent_delta_threshold: sdk.decimal('Limit of that'),
    seconds: sdk.decimal('Over which it was measured'),
    runners: RUNNERS,
    ...sdk.PROFILE_FIELDS,
  },
  sample: ({ paths }): sdk.Samples<CpuTicks> => [['host', readCpuStat(paths.procfs).total]],
  trigger({ oldest, samples, newest, full }, options) {
    const previous = samples.at(-2);
    const before = previous && hostPercent(oldest.state, previous.state);
    const now = previous && hostPercent(previous.state, newest.state);
    if (!full || !before || !now) return undefined;
    const { isBurst, fields } = judgeBurst('system', [before.sys, now.sys], options);
    const seconds = Number(newest.boottime_ns - previous.boottime_ns) / 1e9;
    return isBurst ? { ...fields, seconds } : undefined;
  },
  async capture(_host, why, ctx) {
    const owners = processOwners(ctx);
    const taken = await ctx.profile.around({ seconds: ctx.options.profile });
    const stacks = [...(taken.before?.stacks ?? []), ...(taken.after?.stacks ?? [])];
    const runners = runnersOf({ stacks }, new Map([...owners, ...processOwners(ctx)]), ctx.options.top);
    return { ...why, runners, ...sdk.profileDocument(taken) };
  },
});
