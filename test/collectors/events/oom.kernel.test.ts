/** The OOM collector against kills of our own: a memory cgroup with a limit, and processes that want more. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import test from 'node:test';
import { Allocator, type AllocatorRequest } from '../../support/allocator.ts';
import { skipWithoutController, TestCgroup } from '../../support/cgroup.ts';
import { CollectorHarness } from '../../support/collector-harness.ts';
import { eventually } from '../../support/eventually.ts';
import { container } from '../../support/harness-containers.ts';
import type { JournalDocument } from '../../support/journal-reader.ts';
import { skipWithoutKernelType } from '../../support/kernel.ts';
import { samplesOf, sampleValue } from '../../support/prometheus-text.ts';
import { record } from '../../support/ring-recording.ts';

const MIB = 1 << 20;
const LIMIT_BYTES = 96 * MIB;
const WANTS_MORE = Buffer.from('wants-more').toString('hex');
const skip = skipWithoutKernelType('btf_trace_mark_victim') || skipWithoutController('memory');

interface Kill {
  readonly victimPid: number;
  readonly triggerPid: number;
  /** The victim, and sometimes the trigger after it. */
  readonly kills: number;
  /** Of the first kill. */
  readonly document: JournalDocument;
  /** As the ring held them. */
  readonly records: readonly Buffer[];
}

/**
 * Two processes in one cgroup: the first takes most of it and is the one to kill, the second wants more. When
 * the first one's memory is slow to come back, the kernel kills the second one too.
 */
async function kill(
  oom: CollectorHarness,
  cgroup: TestCgroup,
  victimIs: AllocatorRequest = {},
): Promise<Kill> {
  cgroup.limitMemory(LIMIT_BYTES);
  await using victim = new Allocator();
  await using trigger = new Allocator();
  for (const { pid } of [victim, trigger]) cgroup.add(pid);
  await victim.ask({ oomScoreAdj: 1000, bytes: 64 * MIB, ...victimIs });
  await trigger.ask({ comm: WANTS_MORE, bytes: 48 * MIB });
  await eventually('the kernel to kill the victim', () => victim.killedBy === 'SIGKILL');
  const kills = trigger.killedBy === null ? 1 : 2;
  const records = await eventually('the records of the kills', () => {
    const found = oom.records();
    return found.length >= kills && found;
  });
  const documents = await oom.documents();
  const [document] = documents;
  assert.ok(document);
  assert.equal(documents.length, kills, 'one document for each kill');
  assert.equal((document.data.victim as Task).pid, victim.pid);
  return { victimPid: victim.pid, triggerPid: trigger.pid, kills, document, records };
}

interface Task {
  readonly pid: number;
  readonly tid: number;
  readonly uid: number;
  readonly comm: string;
  readonly cgroup_id: number;
  readonly anon_rss_bytes: number;
  readonly total_vm_bytes: number;
  readonly container_id?: string;
  readonly cgroup?: { readonly path: string; readonly max: number; readonly current: number };
}

test('one kill is one document that says who wanted the memory, who was killed, and which limit was hit', {
  skip,
}, async () => {
  await using cgroup = TestCgroup.make('memory', `/huatuo-oom-${process.pid}`);
  const hostCgroups = new Map([[cgroup.inode, cgroup.name]]);
  await using oom = await CollectorHarness.load('oom', { hostCgroups });
  const from_ms = Date.now();
  const { victimPid, triggerPid, kills, document, records } = await kill(oom, cgroup);
  record('oom', records.slice(0, 1));
  const { fields, data } = document;

  const time = String(fields['@timestamp']);
  assert.match(time, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z$/);
  assert.ok(Date.parse(time) >= from_ms - 1 && Date.parse(time) <= Date.now(), `${time} is within the test`);
  assert.equal(fields.severity, 'critical');
  assert.ok(!('container_id' in fields), 'the cgroup is no container');

  const inode = Number(cgroup.inode);
  const usage = Number(data.memcg_usage_bytes);
  assert.deepEqual([data.cgroup_id, data.memcg_id, data.memcg_limit_bytes], [inode, inode, LIMIT_BYTES]);
  // The kernel charges in batches of 64 pages for each CPU, so a full cgroup shows a little less than its limit.
  assert.ok(
    usage > LIMIT_BYTES - 2 * MIB && usage <= LIMIT_BYTES,
    `${usage} bytes of ${LIMIT_BYTES} are used`,
  );

  const killed = data.victim as Task;
  assert.deepEqual([killed.pid, killed.uid, killed.cgroup_id], [victimPid, 0, inode]);
  assert.ok(killed.anon_rss_bytes >= 63 * MIB && killed.anon_rss_bytes < killed.total_vm_bytes);
  const wanted = data.trigger as Task;
  assert.deepEqual(
    [wanted.pid, wanted.tid, wanted.comm, wanted.cgroup_id],
    [triggerPid, triggerPid, 'wants-more', inode],
  );
  // Also of a task that is gone by now, and so in no cgroup: it is known where the cgroup of the event is.
  for (const { cgroup: state } of [wanted, killed])
    assert.deepEqual([state?.path, state?.max], [cgroup.name, LIMIT_BYTES]);

  const { host_meminfo } = data.memory_snapshot as { host_meminfo: Record<string, number> };
  const total_kb = Number(/MemTotal:\s+(\d+)/.exec(readFileSync('/proc/meminfo', 'utf8'))?.[1]);
  assert.equal(host_meminfo.MemTotal, total_kb * 1024);
  assert.ok((host_meminfo.MemAvailable ?? 0) > 0);

  assert.equal(sampleValue(await oom.scrape(), 'huatuo_bamai_oom_host_total'), kills);
  await oom.recordMaps();
});

test('a kill in a container is counted as its own, with the newest victim, until the container is gone', {
  skip,
}, async () => {
  const id = `${process.pid.toString(16)}`.padStart(64, 'e');
  await using cgroup = TestCgroup.make('memory', `/huatuo-oom-${process.pid}`);
  const own = container(id, { memory: cgroup.path }, [cgroup.inode]);
  await using oom = await CollectorHarness.load('oom', { containers: [own] });
  const { document, kills } = await kill(oom, cgroup);
  const { fields, data } = document;
  assert.deepEqual(
    [fields.container_id, fields.container_hostname, fields.container_name],
    [id, own.hostname, own.name],
  );
  for (const task of [data.victim as Task, data.trigger as Task]) {
    assert.equal(task.container_id, id);
    assert.equal(task.cgroup?.path, cgroup.name, 'known from the container also when the task is gone');
    assert.equal(task.cgroup?.max, LIMIT_BYTES);
  }
  const total = 'huatuo_bamai_oom_container_total';
  const page = await oom.scrape();
  assert.equal(page.get(total)?.type, 'counter');
  const [{ labels, value } = assert.fail(), ...others] = samplesOf(page, total);
  assert.deepEqual([others, value, labels.container_id], [[], kills, id]);
  const victims = [(data.victim as Task).comm, (data.trigger as Task).comm];
  assert.equal(labels.latest_victim_comm, victims[kills - 1]);
  assert.equal(sampleValue(page, 'huatuo_bamai_oom_host_total'), 0);

  await oom.containers.remove(own);
  assert.equal(sampleValue(await oom.scrape(), total, { container_id: id }), kills, 'once after its end');
  assert.deepEqual(samplesOf(await oom.scrape(), total), []);
});

const HOSTILE_COMMS: Readonly<Record<string, readonly [bytes: Buffer, text: string]>> = {
  'quotes, newline and backslash': [Buffer.from('a"b\n\\"},{'), 'a"b\n\\"},{'],
  'control bytes': [Buffer.from('\u0001\u001b[31m\u007f'), '\u0001\u001b[31m\u007f'],
  'bytes that are not UTF-8': [Buffer.from([0x61, 0xff, 0xc3, 0x28, 0x62]), 'a\ufffd\ufffd(b'],
};

test('whatever a victim calls itself, the journal stays one JSON document for each line', {
  skip,
}, async (t) => {
  await using cgroup = TestCgroup.make('memory', `/huatuo-oom-hostile-${process.pid}`);
  await using oom = await CollectorHarness.load('oom');
  let kills = 0;
  for (const [what, [bytes, text]] of Object.entries(HOSTILE_COMMS)) {
    await t.test(what, async () => {
      const { document, kills: more } = await kill(oom, cgroup, { comm: bytes.toString('hex') });
      assert.equal((document.data.victim as Task).comm, text);
      kills += more;
    });
  }
  assert.equal(sampleValue(await oom.scrape(), 'huatuo_bamai_oom_host_total'), kills);
});
