/**
 * Tasks in uninterruptible sleep. A quiet host costs one read of /proc/loadavg for each look: it counts every such task, so while
 * it is low, no container, no unit and not the host can have many, and none is looked at. Counting from files reads one for each task
 * when the load is not low, of 8,192 at most; a BPF object that counts for less would be loaded, with a thread of its
 * own, all the time.
 */
import { readLoadAverage } from '../../procfs/loadavg.ts';
import * as sdk from '../../sdk/index.ts';
import { knownIssue, stackText, uninterruptibleOnly } from './dload-stacks.ts';
import { countTasks, readTasks, type TaskCounts } from './dload-tasks.ts';
import { waitOf } from './dload-waits.ts';

/** Of the limit: below this share of it the host's load average is low. */
const LOW_SHARE = 0.5;
/** Of a profile; tasks that wait all the time need no longer look. */
const [LOOK_SECONDS, MOST_PROCESSES] = [1, 1024];
/** In one of these a task holds what /proc/PID/syscall waits for. */
const EXECVE = /^(bprm_execve|begin_new_exec|exec_binprm|load_elf_binary)$/;

/** What a look found; null: the host's load was low, and nothing was counted. */
type State = TaskCounts | null;

export default sdk.defineAutotracing({
  doc: 'Shows which tasks wait uninterruptibly, and for what, when many do so for long in a container, a systemd unit or on the host.',
  about: {
    question:
      'Which tasks of a container, of a systemd unit, or of the host, are stuck in uninterruptible sleep, where, on which file and disk, and is it a known issue?',
    reads:
      '/proc/loadavg; while that is not low /proc/<pid>/task/<tid>/stat and the task lists of cgroups; at a capture profile_off_cpu.bpf.c and wchan, syscall, fd, fdinfo and mountinfo of the tasks',
    kernel:
      'any; flame graph and stacks need BPF, 5.11, and so does the file, with CONFIG_HAVE_ARCH_TRACEHOOK: without stacks it is not known whether to ask for it takes a lock of the task',
    falsePositives:
      'Tasks that read a slow disk by intention, such as a backup with many threads, wait like this, too. Not seen: of more than 8,192 threads those beyond, of which the host’s own are the last, and waits that are over before a look; tasks of a container that is paused are not counted',
  },
  options: {
    ...sdk.WORKLOAD_FILTER,
    window: sdk.count(31, 'Samples that the average is made of; five times its period', { min: 2, max: 720 }),
    threshold: sdk.number(5, 'Tasks in uninterruptible sleep, on average, that are too many', { min: 0 }),
    average: sdk.duration('1m', 'Period of the average', { min: '1s', max: '15m' }),
    top: sdk.count(32, 'Tasks in a document', { min: 1, max: 256 }),
    known_issues: sdk.list(
      sdk.pattern('', ''),
      'Known issues: a name, =, and a regular expression that is found in the stacks; one without a name is its own',
    ),
  },
  document: {
    threshold: sdk.decimal('What the average is over'),
    dload_avg: sdk.decimal('Average of the tasks in uninterruptible sleep'),
    load_avg: sdk.decimal('The same of those that run or are runnable, too'),
    nr_running: sdk.integer('Tasks that run or are runnable'),
    nr_sleeping: sdk.integer('Tasks that sleep'),
    nr_stopped: sdk.integer('Tasks that are stopped'),
    nr_uninterruptible: sdk.integer('Tasks in uninterruptible sleep'),
    known_issue: sdk.optional(
      sdk.keyword('Name of the first pattern of known_issues that is found in the stacks'),
    ),
    stack: sdk.optional(sdk.keyword('Their stacks, the commonest first, each innermost function first')),
    tasks: sdk.list(
      sdk.struct({
        pid: sdk.integer('Process'),
        tid: sdk.integer('Thread'),
        comm: sdk.keyword('Its name'),
        container_id: sdk.optional(sdk.keyword('Container that it is in')),
        container_hostname: sdk.optional(sdk.keyword('Its host name')),
        systemd_unit: sdk.optional(sdk.keyword('Systemd unit that it is in, of those that have series')),
        wchan: sdk.optional(sdk.keyword('Kernel function that it waits in')),
        syscall: sdk.optional(sdk.keyword('System call, of those that take an open file')),
        path: sdk.optional(sdk.keyword('That file, as the process sees it')),
        device: sdk.optional(sdk.keyword('What is mounted where the file is')),
        mount_point: sdk.optional(sdk.keyword('And where')),
      }),
      'Tasks that still wait',
    ),
    flamedata: sdk.optional(sdk.PROFILE_FIELDS.flamedata),
    profile: sdk.optional(sdk.PROFILE_FIELDS.profile),
  },
  sample(ctx): (readonly [sdk.Subject, State])[] {
    const { threshold } = ctx.options;
    const isWanted = sdk.workloadFilter(ctx.options);
    if (readLoadAverage(ctx.paths.procfs).load1 < threshold * LOW_SHARE)
      return [['host', null], ...sdk.perWorkload(ctx, (one) => (isWanted(one) ? null : undefined))];
    return readTasks(ctx, threshold)
      .bySubject.filter(([subject]) => typeof subject === 'string' || isWanted(subject))
      .map(([subject, threads]) => [subject, countTasks(threads)]);
  },
  trigger(window, { threshold, average }) {
    const { state } = window.newest;
    const dload_avg = averageOf(window, average, ({ nr_uninterruptible }) => nr_uninterruptible);
    if (!state || dload_avg <= threshold) return undefined;
    const load_avg = averageOf(window, average, (one) => one.nr_uninterruptible + one.nr_running);
    return { threshold, dload_avg, load_avg, ...state };
  },
  async capture(subject, why, ctx) {
    const { options, paths, profile, log } = ctx;
    const { bySubject, ownerOf } = readTasks(ctx, options.threshold);
    const [, threads = []] = bySubject.find(([one]) => isSame(one, subject)) ?? [];
    const waiting = threads.filter(({ state }) => state === 'D');
    const pids = [...new Set(waiting.map(({ pid }) => pid))].slice(0, MOST_PROCESSES);
    const taken =
      pids.length === 0
        ? undefined
        : await profile
            .offCpu({ seconds: LOOK_SECONDS, pids })
            .then(uninterruptibleOnly, (error: unknown) => {
              log.warn('the stacks of tasks that wait cannot be taken', { error });
            });
    const stacks = taken?.stacks ?? [];
    const inExecve = new Set(
      stacks.flatMap(({ pid, frames }) => (frames.some(({ name }) => EXECVE.test(name)) ? [pid] : [])),
    );
    const stack = stackText(stacks);
    const known_issue = knownIssue(stack, options.known_issues);
    return {
      ...why,
      ...(known_issue !== undefined && { known_issue }),
      ...(stack !== '' && { stack }),
      tasks: waiting.slice(0, options.top).map((thread) => {
        const { pid, tid, comm } = thread;
        const owner = ownerOf(tid);
        return {
          ...{ pid, tid, comm },
          ...(owner &&
            (sdk.isContainer(owner)
              ? { container_id: owner.id, container_hostname: owner.hostname }
              : { systemd_unit: owner.id })),
          ...waitOf(paths.procfs, thread, !taken || inExecve.has(pid)),
        };
      }),
      ...(taken && sdk.profileDocument(taken)),
    };
  },
});

function isSame(one: sdk.Subject, other: sdk.Subject): boolean {
  return typeof one === 'string' || typeof other === 'string' ? one === other : one.id === other.id;
}

/**
 * The kernel's exponential average (kernel/sched/loadavg.c), with the time that really was between two samples in place of its 5 s.
 * What was not looked at counts as 0, so that the average is never too high.
 */
function averageOf(
  { samples }: sdk.Window<State>,
  period_seconds: number,
  count: (counts: TaskCounts) => number,
): number {
  let average = 0;
  for (const [index, { boottime_ns, state }] of samples.entries()) {
    const before_ns = samples[index - 1]?.boottime_ns;
    if (before_ns === undefined) continue;
    const kept = Math.exp(-Number(boottime_ns - before_ns) / 1e9 / period_seconds);
    average = average * kept + (state ? count(state) : 0) * (1 - kept);
  }
  return average;
}
