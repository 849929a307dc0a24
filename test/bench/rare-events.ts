/**
 * What no workload does by itself: packets that are dropped, segments that are sent again, cgroups that come and go, processes
 * killed for memory, tasks that hang, queues of devices and hardware that fail.
 */
import { existsSync, mkdirSync, rmdirSync } from 'node:fs';
import { join } from 'node:path';
import { hierarchyOf, TestCgroup } from '../support/cgroup.ts';
import { eventually } from '../support/eventually.ts';
import { FrozenDisk, skipWithoutFreezing } from '../support/frozen-disk.ts';
import { KernelMemory, runProgram } from '../support/kernel-memory.ts';
import { withSysctls } from '../support/undo.ts';
import type { AgentProcess } from './agent-process.ts';
import type { Load } from './workload.ts';

const CGROUPS = 300;
const RESENT = 400;
const DROPS = 100_000;
const KILLS = 5;
const OOM_LIMIT_BYTES = 16 << 20;
const HANGS = 3;
const MADE_UP = 20;

export async function makeRareEvents(load: Load, agent: AgentProcess): Promise<void> {
  await using drop = load('drop');
  await drop.do(DROPS);
  await using retransmit = load('retransmit');
  await retransmit.do(RESENT);
  makeCgroups();
  await killForMemory(load);
  await hang(agent);
  await failHardware();
}

function makeCgroups(): void {
  const hierarchy = hierarchyOf('cpu');
  for (let i = 0; hierarchy && i < CGROUPS; i++) {
    const path = join(hierarchy.mountPoint, `huatuo-bench-${process.pid}-${i}`);
    mkdirSync(path);
    rmdirSync(path);
  }
}

async function killForMemory(load: Load): Promise<void> {
  if (!hierarchyOf('memory')) return;
  await using group = TestCgroup.make('memory', `/huatuo-bench-${process.pid}`);
  group.limitMemory(OOM_LIMIT_BYTES);
  await using oom = load('oom');
  group.add(oom.pid);
  await oom.do(KILLS);
}

/** Writers to a frozen file system, which the kernel reports each second; the agent lists who waits beside them. */
async function hang(agent: AgentProcess): Promise<void> {
  if (skipWithoutFreezing() || !existsSync('/proc/sys/kernel/hung_task_check_interval_secs')) return;
  await using disk = await FrozenDisk.make();
  await disk.writer('one');
  await disk.writer('other');
  await using _impatient = withSysctls({
    'kernel/hung_task_warnings': 0,
    'kernel/hung_task_check_interval_secs': 1,
    'kernel/hung_task_timeout_secs': 1,
  });
  await eventually(
    'reports of hung tasks',
    async () => Number((await agent.ledger('hungtask')).produced) >= HANGS,
  );
}

/** Runs programs that nothing here makes run, on arguments in the kernel's memory. Those that the agent has not are left out. */
async function failHardware(): Promise<void> {
  using memory = await KernelMemory.allocate();
  const [text, bytes] = [memory.text('made up'), memory.put(Buffer.alloc(4096))];
  const programs: Readonly<Record<string, readonly bigint[]>> = {
    timed_out: [bytes, 1n],
    memory_controller: [1n, text, text, 1n, 0n, 0n, 0n, 0n, 0n, 0n, 0n, text],
    vendor_record: [bytes, bytes, text, 1n, bytes, 64n],
    arm_processor: [bytes],
    machine_check: [bytes],
  };
  for (const [name, args] of Object.entries(programs)) {
    try {
      for (let i = 0; i < MADE_UP; i++) runProgram(name, args);
    } catch {
      // This kernel has no such tracepoint.
    }
  }
}
