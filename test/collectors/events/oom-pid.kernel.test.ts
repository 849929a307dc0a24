/**
 * Before Linux 6.8 the tracepoint passes a pid and not the task. Here the real program is given one, of a process that lives: what
 * it finds is held against what /proc says of it.
 */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { Allocator } from '../../support/allocator.ts';
import { skipWithoutController, TestCgroup } from '../../support/cgroup.ts';
import { CollectorHarness } from '../../support/collector-harness.ts';
import { eventually } from '../../support/eventually.ts';
import { skipWithoutKernelType } from '../../support/kernel.ts';
import { runProgram } from '../../support/kernel-memory.ts';
import { MIB } from '../../support/oom-kills.ts';
import { sampleValue } from '../../support/prometheus-text.ts';

const skip = skipWithoutKernelType('btf_trace_mark_victim') || skipWithoutController('memory');
const PROGRAM = 'victim_marked___with_limit';

/** What /proc/PID/status counts, in bytes. */
function statusOf(pid: number): (row: string) => number {
  const text = readFileSync(`/proc/${pid}/status`, 'utf8');
  return (row) => Number(new RegExp(`^${row}:\\s+(\\d+) kB`, 'm').exec(text)?.[1]) * 1024;
}

interface Victim {
  readonly pid: number;
  readonly uid: number;
  readonly comm: string;
  readonly cgroup_id: number;
}

test('the task with that pid is the victim: whose it is, and how much memory it has, to the page', {
  skip,
}, async () => {
  await using cgroup = TestCgroup.make('memory', `/huatuo-oom-pid-${process.pid}`);
  await using oom = await CollectorHarness.load('oom');
  await using victim = new Allocator();
  cgroup.add(victim.pid);
  await victim.ask({ comm: Buffer.from('found-by-pid').toString('hex'), bytes: 32 * MIB });

  const { data } = await eventually('a moment in which its memory does not change', async () => {
    const before = statusOf(victim.pid);
    runProgram(PROGRAM, [BigInt(victim.pid)]);
    const [document] = await oom.documents();
    assert.ok(document);
    const { total_vm_bytes, anon_rss_bytes, file_rss_bytes, shmem_rss_bytes } = document.data
      .victim as Record<string, number>;
    const found = [total_vm_bytes, anon_rss_bytes, file_rss_bytes, shmem_rss_bytes];
    const said = ['VmSize', 'RssAnon', 'RssFile', 'RssShmem'].map(before);
    return found.every((bytes, i) => bytes === said[i]) && document;
  });
  const { pid, uid, comm, cgroup_id } = data.victim as Victim;
  assert.deepEqual([pid, uid, comm, cgroup_id], [victim.pid, 0, 'found-by-pid', Number(cgroup.inode)]);
  assert.equal((data.trigger as Victim).pid, process.pid);
  // No memory ran out, so no limit was hit.
  assert.ok(!('limit' in data) && !('memcg_id' in data));
});

test('the pid of a thread leads to its process', { skip }, async () => {
  await using oom = await CollectorHarness.load('oom');
  await using victim = new Allocator();
  await victim.ask({});
  const thread = readdirSync(`/proc/${victim.pid}/task`).find((tid) => Number(tid) !== victim.pid);
  assert.ok(thread);
  runProgram(PROGRAM, [BigInt(thread)]);
  const [document] = await oom.documents();
  assert.ok(document);
  assert.equal((document.data.victim as Victim).pid, victim.pid);
});

test('a pid that no task has is counted and becomes no document', { skip }, async () => {
  await using oom = await CollectorHarness.load('oom');
  const ended = new Allocator();
  await ended[Symbol.asyncDispose]();
  // One of a process that is gone, and one that is larger than any.
  for (const pid of [BigInt(ended.pid), 0x7fff_ffffn]) runProgram(PROGRAM, [pid]);
  assert.deepEqual(await oom.documents(), []);
  assert.equal(sampleValue(await oom.scrape(), 'huatuo_oom_unfound_victims_total'), 2);
});
