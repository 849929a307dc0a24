import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import fc from 'fast-check';
import { parseProcessMemory, readCgroupProcesses, readHostProcesses } from '../../src/procfs/processes.ts';
import { FixtureProc } from '../support/fixture-proc.ts';

const PAGE = 4096;
const TAIL = `S ${Array(18).fill('0').join(' ')} 4711 1048576 25 0`;

test('whatever a process calls itself, its numbers are its own', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (comm) => {
      assert.deepEqual(parseProcessMemory(`17 (${comm}) ${TAIL}`, PAGE), {
        pid: 17,
        started_ticks: 4711,
        comm,
        rss_bytes: 25 * PAGE,
      });
    }),
  );
});

test('a name that looks like the rest of the line is a name', () => {
  const comm = `x) S 1 (${TAIL}`;
  assert.equal(parseProcessMemory(`17 (${comm}) ${TAIL}`, PAGE)?.comm, comm);
});

test('cut text is no process', () => {
  const whole = `17 (a) ${TAIL}`;
  for (const length of [0, 2, 4, 7, 40])
    assert.equal(parseProcessMemory(whole.slice(0, length), PAGE), undefined);
  for (const text of [') (', '17 (a) S', 'x (a) S', `-1 (a) ${TAIL}`, `17 (a) ${TAIL.replace('25', '-1')}`])
    assert.equal(parseProcessMemory(text, PAGE), undefined);
});

test('processes of a cgroup and those below it, without what has ended and what has no memory', () => {
  using proc = new FixtureProc();
  proc.add({ pid: 101, comm: 'a', pages: 10 });
  proc.add({ pid: 102, comm: Buffer.from([0xff, 0x0a, 0x29]), pages: 20 });
  proc.add({ pid: 103, comm: 'kthread', pages: 0 });
  proc.add({ pid: 105, comm: 'elsewhere', pages: 50 });
  const cgroup = proc.cgroup('cgroup', [101, 103, 104]);
  proc.cgroup('cgroup/inner', [102, 101]);
  const { processes, truncated } = readCgroupProcesses(proc.directory, cgroup, 100);
  assert.deepEqual(
    processes.map(({ pid, comm, rss_bytes }) => [pid, comm, rss_bytes]),
    [
      [101, 'a', 10 * PAGE],
      [102, '\ufffd\n)', 20 * PAGE],
    ],
  );
  assert.equal(truncated, false);
});

test('no more are read than asked for, and it is said', () => {
  using proc = new FixtureProc();
  for (const pid of [101, 102, 103]) proc.add({ pid, pages: 1 });
  assert.equal(readHostProcesses(proc.directory, 3).truncated, false);
  const { processes, truncated } = readHostProcesses(proc.directory, 2);
  assert.deepEqual([processes.length, truncated], [2, true]);
});

test('what is in a list of processes is no path', () => {
  using proc = new FixtureProc();
  const cgroup = proc.write('cgroup/cgroup.procs', '../../etc\n0\n-1\n1e3\n').toString();
  assert.deepEqual(readCgroupProcesses(proc.directory, cgroup, 10).processes, []);
});

test('a cgroup that is gone has no processes', () => {
  assert.deepEqual(readCgroupProcesses('/proc', '/nonexistent/cgroup', 10), {
    processes: [],
    truncated: false,
  });
});

test('this process is among those of the host, with the memory the kernel says it has', () => {
  const own = readHostProcesses('/proc', 1_000_000).processes.find(({ pid }) => pid === process.pid);
  const [, rss_kb] = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync('/proc/self/status', 'utf8')) ?? [];
  assert.ok(own);
  assert.equal(own.comm, readFileSync('/proc/self/comm', 'utf8').trim());
  const ratio = own.rss_bytes / (Number(rss_kb) * 1024);
  assert.ok(ratio > 0.8 && ratio < 1.25, `${own.rss_bytes} bytes are ${ratio} of VmRSS`);
});
