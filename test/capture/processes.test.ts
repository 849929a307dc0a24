import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CaptureProcesses, takeBaseline } from '../../src/capture/processes.ts';
import { FixtureProc } from '../support/fixture-proc.ts';
import { container } from '../support/harness-containers.ts';

const PAGE = 4096;
const AT_10_S = 10_000_000_000n;

test('the largest processes of a container, with what they have grown since the baseline', () => {
  using proc = new FixtureProc();
  for (const [pid, pages] of [
    [101, 10],
    [102, 50],
    [103, 30],
  ] as const)
    proc.add({ pid, pages, started_ticks: 500, comm: `task-${pid}` });
  const baseline = takeBaseline(proc.directory, AT_10_S);
  proc.add({ pid: 101, pages: 90, started_ticks: 500, comm: 'task-101' });
  proc.add({ pid: 103, pages: 20, started_ticks: 500, comm: 'task-103' });
  const memory = proc.cgroup('memory', [101, 102, 103]);
  const processes = new CaptureProcesses(proc.directory, structuredClone(baseline));
  assert.deepEqual(processes.top(container('a', { memory }), 'rss', 2), [
    { pid: 101, comm: 'task-101', rss_bytes: 90 * PAGE, growth_bytes: 80 * PAGE },
    { pid: 102, comm: 'task-102', rss_bytes: 50 * PAGE, growth_bytes: 0 },
  ]);
  assert.deepEqual(
    processes.top('host', 'growth', 10).map(({ pid, growth_bytes }) => [pid, growth_bytes]),
    [
      [101, 80 * PAGE],
      [102, 0],
      [103, -10 * PAGE],
    ],
  );
  assert.equal(processes.isIncomplete, false);
});

test('a process that was started since has grown by all it has, also under an id that was known', () => {
  using proc = new FixtureProc();
  proc.add({ pid: 101, pages: 10, started_ticks: 500 });
  const baseline = takeBaseline(proc.directory, AT_10_S);
  proc.add({ pid: 101, pages: 30, started_ticks: 1001 });
  const [use] = new CaptureProcesses(proc.directory, baseline).top('host', 'rss', 1);
  assert.equal(use?.growth_bytes, 30 * PAGE);
});

test('a process that the baseline has missed has grown by no one knows what', () => {
  using proc = new FixtureProc();
  proc.add({ pid: 101, pages: 10, started_ticks: 500 });
  proc.add({ pid: 102, pages: 20, started_ticks: 500 });
  const baseline = takeBaseline(proc.directory, AT_10_S, 1);
  const tops = new CaptureProcesses(proc.directory, baseline).top('host', 'growth', 2);
  assert.deepEqual(
    tops.map(({ growth_bytes }) => growth_bytes),
    [0, undefined],
  );
  const [use] = new CaptureProcesses(proc.directory, undefined).top('host', 'rss', 1);
  assert.equal(use?.growth_bytes, undefined);
});

test('a list that was cut, or is empty because all have ended, is incomplete', () => {
  using proc = new FixtureProc();
  for (const pid of [101, 102]) proc.add({ pid, pages: 1 });
  const cut = new CaptureProcesses(proc.directory, undefined, 1);
  assert.equal(cut.top('host', 'rss', 5).length, 1);
  assert.equal(cut.isIncomplete, true);
  const gone = new CaptureProcesses(proc.directory, undefined);
  assert.deepEqual(gone.top(container('a', { memory: '/nonexistent' }), 'rss', 5), []);
  assert.equal(gone.isIncomplete, true);
});
