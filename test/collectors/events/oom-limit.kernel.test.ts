/** Which limit an OOM kill is for, where several are near: what the kernel calls oom_memcg. */
import assert from 'node:assert/strict';
import { closeSync, constants, openSync, readdirSync, readFileSync, readSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import { readCommandLine } from '../../../src/procfs/command-line.ts';
import { Allocator } from '../../support/allocator.ts';
import { skipWithoutController, TestCgroup } from '../../support/cgroup.ts';
import { CollectorHarness } from '../../support/collector-harness.ts';
import { eventually } from '../../support/eventually.ts';
import { skipWithoutKernelType } from '../../support/kernel.ts';
import { MIB } from '../../support/oom-kills.ts';

const skip = skipWithoutKernelType('btf_trace_mark_victim') || skipWithoutController('memory');
const PAGE_BYTES = 4096;

/** A pod and two containers in it, of this test. */
class Pod implements AsyncDisposable {
  readonly pod: TestCgroup = TestCgroup.make('memory', `/huatuo-pod-${process.pid}`);
  readonly one: TestCgroup = TestCgroup.make('memory', `${this.pod.name}/one`);
  readonly other: TestCgroup = TestCgroup.make('memory', `${this.pod.name}/other`);

  async [Symbol.asyncDispose](): Promise<void> {
    for (const cgroup of [this.one, this.other, this.pod]) await cgroup[Symbol.asyncDispose]();
  }
}

const version = (cgroup: TestCgroup, v1: string, v2: string): string =>
  join(cgroup.path, cgroup.version === 1 ? v1 : v2);

function limit(cgroup: TestCgroup, bytes: number): void {
  writeFileSync(version(cgroup, 'memory.limit_in_bytes', 'memory.max'), String(bytes));
}

function usage(cgroup: TestCgroup): number {
  return Number(readFileSync(version(cgroup, 'memory.usage_in_bytes', 'memory.current'), 'utf8'));
}

/** Leaves less room than the kernel charges at once. It may charge between the look and the limit, which it then refuses. */
async function limitNearUsage(cgroup: TestCgroup): Promise<void> {
  await eventually(`a limit near the usage of ${cgroup.name}`, () => {
    try {
      limit(cgroup, usage(cgroup) + 48 * PAGE_BYTES);
      return true;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'EBUSY') return false;
      throw error;
    }
  });
}

async function stop(pid: number): Promise<void> {
  process.kill(pid, 'SIGSTOP');
  await eventually(`all threads of ${pid} to stop`, () =>
    readdirSync(`/proc/${pid}/task`).every((tid) =>
      /^State:\tT/m.test(readFileSync(`/proc/${pid}/task/${tid}/status`, 'utf8')),
    ),
  );
}

/** Last `oom_memcg` in the kernel's log since it was opened; it logs ten kills in five seconds. */
class KernelLog implements Disposable {
  readonly #fd = openSync('/dev/kmsg', constants.O_RDONLY | constants.O_NONBLOCK);

  constructor() {
    this.newest();
  }

  newest(): string | undefined {
    let found: string | undefined;
    const record = Buffer.alloc(8192);
    for (;;) {
      try {
        const text = record.toString('utf8', 0, readSync(this.#fd, record));
        found = /oom_memcg=([^,]*)/.exec(text)?.[1] ?? found;
      } catch (error) {
        // What was overwritten before it was read.
        if ((error as NodeJS.ErrnoException).code === 'EPIPE') continue;
        return found;
      }
    }
  }

  [Symbol.dispose](): void {
    closeSync(this.#fd);
  }
}

interface Kill {
  /** Where the one with the most memory is. */
  readonly victimIn: TestCgroup;
  readonly victim_bytes: number;
  /** Where the allocation is made that finds no room; none when the victim itself makes it. */
  readonly triggerIn?: TestCgroup;
  readonly trigger_bytes?: number;
  /** Once the victim has its memory. */
  readonly before_trigger?: () => Promise<void>;
}

interface OomData {
  readonly limit?: string;
  readonly memcg_id?: number;
  readonly memcg_limit_bytes?: number;
  readonly memcg_usage_bytes?: number;
  readonly victim: Task & { readonly cgroup_id: number; readonly oom_score_adj: number };
  readonly trigger: Task;
}

interface Task {
  readonly pid: number;
  readonly command_line?: string;
}

/** Makes the kill. @returns the document's data, held against the kernel's log */
async function provoke({
  victimIn,
  victim_bytes,
  triggerIn,
  trigger_bytes = 0,
  before_trigger,
}: Kill): Promise<OomData> {
  await using oom = await CollectorHarness.load('oom');
  using log = new KernelLog();
  await using victim = new Allocator();
  await using trigger = new Allocator();
  victimIn.add(victim.pid);
  triggerIn?.add(trigger.pid);
  const [victimCommand, triggerCommand] = [victim, trigger].map(({ pid }) =>
    readCommandLine('/proc', pid, readFileSync(`/proc/${pid}/comm`, 'utf8').trimEnd()),
  );
  assert.ok(victimCommand?.includes('allocator-child.js') && triggerCommand);
  const grown = victim.ask({ oomScoreAdj: 1000, bytes: victim_bytes });
  await grown;
  if (triggerIn) {
    // Its runtime goes on to allocate by itself, and would hit a limit near its usage.
    await stop(victim.pid);
    await before_trigger?.();
    await trigger.ask({ bytes: trigger_bytes });
  }
  const found: OomData[] = [];
  await eventually('the document', async () => {
    found.push(...(await oom.documents()).map(({ data }) => data as unknown as OomData));
    return found.length > 0;
  });
  const [data] = found;
  assert.ok(data);
  assert.equal(data.victim.pid, victim.pid);
  assert.equal(data.victim.oom_score_adj, 1000);
  assert.deepEqual(
    [data.trigger.pid, data.trigger.command_line],
    triggerIn ? [trigger.pid, triggerCommand] : [victim.pid, victimCommand],
  );
  // One that did not ask for the memory itself may be gone before its files are read.
  if (!triggerIn || data.victim.command_line !== undefined)
    assert.equal(data.victim.command_line, victimCommand);
  const logged = log.newest();
  const path = [victimIn.name, victimIn.name.replace(/\/[^/]*$/, '')];
  if (logged !== undefined) assert.ok(path.includes(logged), `the kernel names ${logged}`);
  const named = logged === undefined ? undefined : inodeAt(victimIn, logged);
  if (named !== undefined && found.length === 1)
    assert.equal(data.memcg_id, named, `the kernel names ${logged}`);
  return data;
}

/** Of the victim's cgroup or its parent. */
function inodeAt(victimIn: TestCgroup, name: string): number {
  const { pathname } = new URL(name === victimIn.name ? '.' : '..', `file://${victimIn.path}/`);
  return Number(TestCgroup.inodeOf(pathname));
}

const id = ({ inode }: TestCgroup): number => Number(inode);

test('the parent is at its limit, the container is far from its own', { skip }, async () => {
  await using pods = new Pod();
  limit(pods.pod, 160 * MIB);
  limit(pods.one, 400 * MIB);
  const data = await provoke({ victimIn: pods.one, victim_bytes: 300 * MIB });
  assert.deepEqual([data.memcg_id, data.memcg_limit_bytes], [id(pods.pod), 160 * MIB]);
});

test('the container is at its limit, the parent is far from its own', { skip }, async () => {
  await using pods = new Pod();
  limit(pods.pod, 600 * MIB);
  limit(pods.one, 120 * MIB);
  const data = await provoke({ victimIn: pods.one, victim_bytes: 300 * MIB });
  assert.deepEqual([data.memcg_id, data.memcg_limit_bytes], [id(pods.one), 120 * MIB]);
});

test('both have the same limit, and a sibling has a part of the parent’s', { skip }, async () => {
  await using pods = new Pod();
  for (const cgroup of [pods.pod, pods.one]) limit(cgroup, 160 * MIB);
  await using sibling = new Allocator();
  pods.other.add(sibling.pid);
  await sibling.ask({ bytes: 16 * MIB });
  const data = await provoke({ victimIn: pods.one, victim_bytes: 300 * MIB });
  assert.equal(data.memcg_id, id(pods.pod));
});

test('the victim’s container is nearly full, and it is a sibling that hits the parent’s limit', {
  skip,
}, async () => {
  await using pods = new Pod();
  limit(pods.pod, 260 * MIB);
  const data = await provoke({
    victimIn: pods.one,
    victim_bytes: 120 * MIB,
    before_trigger: () => limitNearUsage(pods.one),
    triggerIn: pods.other,
    trigger_bytes: 200 * MIB,
  });
  assert.deepEqual([data.memcg_id, data.memcg_limit_bytes], [id(pods.pod), 260 * MIB]);
  assert.equal(data.victim.cgroup_id, id(pods.one));
});

test('the trigger’s container is nearly full, too', { skip }, async () => {
  await using pods = new Pod();
  limit(pods.pod, 260 * MIB);
  const data = await provoke({
    victimIn: pods.one,
    victim_bytes: 120 * MIB,
    before_trigger: async () => {
      await limitNearUsage(pods.one);
      limit(pods.other, 300 * MIB);
    },
    triggerIn: pods.other,
    trigger_bytes: 290 * MIB,
  });
  assert.equal(data.memcg_id, id(pods.pod));
});

test('with v1, memory and swap together have a limit of their own', { skip }, async (t) => {
  await using pods = new Pod();
  if (pods.one.version !== 1) return t.skip('memory is a controller of v2 here');
  limit(pods.one, 120 * MIB);
  const memory = await provoke({ victimIn: pods.one, victim_bytes: 200 * MIB });
  assert.deepEqual([memory.limit, memory.memcg_limit_bytes], ['memory', 120 * MIB]);
  writeFileSync(join(pods.one.path, 'memory.memsw.limit_in_bytes'), String(120 * MIB));
  const both = await provoke({ victimIn: pods.one, victim_bytes: 200 * MIB });
  assert.deepEqual([both.limit, both.memcg_limit_bytes], ['memory_and_swap', 120 * MIB]);
  // The container's memory has no room any more, and it is the parent's memory and swap that is refused first.
  limit(pods.pod, 110 * MIB);
  writeFileSync(join(pods.pod.path, 'memory.memsw.limit_in_bytes'), String(110 * MIB));
  const parent = await provoke({ victimIn: pods.one, victim_bytes: 200 * MIB });
  assert.deepEqual(
    [parent.limit, parent.memcg_id, parent.memcg_limit_bytes],
    ['memory_and_swap', id(pods.pod), 110 * MIB],
  );
});
