import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import memburst from '../../../src/collectors/autotracing/memburst.ts';
import { at } from '../../../src/paths.ts';
import type { MemoryKinds } from '../../../src/procfs/memory-kinds.ts';
import type { SavedDocument } from '../../../src/sdk/context.ts';
import { type Window, windowOf } from '../../../src/sdk/window.ts';
import { AutotracerRun, optionsOf } from '../../support/autotracer-run.ts';
import { FixtureProc } from '../../support/fixture-proc.ts';
import { container } from '../../support/harness-containers.ts';

const MIB = 2 ** 20;
const PAGE = 4096;
const OPTIONS = optionsOf(memburst);

/** A sample every 10 s. */
function windowOfMib(mib: readonly number[], limit_mib?: number): Window<MemoryKinds> {
  const samples = mib.map((used, index) => ({
    boottime_ns: BigInt(index) * 10_000_000_000n,
    state: {
      anon_bytes: used * MIB,
      ...(limit_mib !== undefined && { limit_bytes: limit_mib * MIB }),
    },
  }));
  const window = windowOf(samples, 4);
  assert.ok(window);
  return window;
}

test('pace and thresholds are those of existing installations', () => {
  const { every, window, cooldown, ratio, share, top } = OPTIONS;
  assert.deepEqual(
    { every, window, cooldown, ratio, share, top },
    { every: 10, window: 60, cooldown: 1800, ratio: 2, share: 0.7, top: 10 },
  );
});

test('memory that has doubled within the window and nears its limit is a burst', () => {
  const [before_bytes, after_bytes] = [400 * MIB, 800 * MIB];
  assert.deepEqual(memburst.trigger(windowOfMib([400, 500, 700, 800], 1000), OPTIONS), {
    ...{ grew: 'anon', before_bytes, after_bytes, window_seconds: 30, limit_bytes: 1000 * MIB },
    kinds: [{ kind: 'anon', before_bytes, after_bytes }],
  });
});

for (const [what, mib, limit_mib] of [
  ['memory that stays', [900, 900, 900, 900], 1000],
  ['memory that falls', [900, 700, 500, 300], 1000],
  ['less than twice as much', [450, 500, 700, 899], 1000],
  ['far from the limit', [100, 200, 400, 690], 1000],
  ['little memory, though it fills its limit', [10, 20, 30, 100], 110],
  ['a window that is not full', [100, 900], 1000],
] as const)
  test(`${what} is no burst`, () => {
    assert.equal(memburst.trigger(windowOfMib(mib, limit_mib), OPTIONS), undefined);
  });

test('without a limit the floor decides', () => {
  assert.ok(memburst.trigger(windowOfMib([100, 200, 400, 512]), OPTIONS));
  assert.equal(memburst.trigger(windowOfMib([100, 200, 400, 511]), OPTIONS), undefined);
});

type Top = readonly { readonly ProcessName: string; readonly growth_bytes: number }[];

function topOf(document: SavedDocument | undefined): Top {
  return (document?.data as { readonly top_memory_usage: Top } | undefined)?.top_memory_usage ?? [];
}

/** A host of 64 GiB with two containers. */
class Host extends FixtureProc {
  readonly one = container('a'.repeat(64), { memory: this.#container('one', 300, 101) });
  readonly two = container('b'.repeat(64), { memory: this.#container('two', 300, 102) });

  constructor() {
    super();
    this.use(1000);
    this.add({ pid: 101, comm: 'first', pages: 300 * 256 });
    this.add({ pid: 102, comm: 'second', pages: 300 * 256 });
    this.add({ pid: 103, comm: 'on the host', pages: 500 * 256 });
  }

  /** Sets what the host as a whole uses. */
  use(
    mib: number,
    more: Readonly<Record<string, number>> = { 'Active(file)': 1000, 'Inactive(file)': 0 },
  ): void {
    const rows = { MemTotal: 65_536, 'Active(anon)': mib, 'Inactive(anon)': 0, ...more };
    this.write(
      'meminfo',
      Object.entries(rows)
        .map(([name, value]) => `${name}: ${value * 1024} kB\n`)
        .join(''),
    );
  }

  #container(name: string, mib: number, pid: number): string {
    this.cgroup(name, [pid]);
    return this.useIn(name, mib);
  }

  /** Sets what a container uses. */
  useIn(name: string, mib: number): string {
    const rows = {
      total_active_anon: mib * MIB,
      total_inactive_anon: 0,
      hierarchical_memory_limit: 1024 * MIB,
    };
    return this.write(
      `${name}/memory.stat`,
      Object.entries(rows)
        .map(([key, value]) => `${key} ${value}\n`)
        .join(''),
    );
  }
}

test('a quiet host gives nothing in a day, whatever it uses', async () => {
  using host = new Host();
  await using run = new AutotracerRun(memburst, { procfs: host.directory, options: OPTIONS });
  run.containers = [host.one, host.two];
  // The host breathes: it is at its lowest each hour, and at its highest half an hour later.
  for (let minutes = 0; minutes < 1440; minutes += 5) {
    const share = (1 - Math.cos((minutes / 60) * 2 * Math.PI)) / 2;
    host.use(Math.round(20_000 + 30_000 * share));
    host.useIn('one', Math.round(400 + 500 * share));
    await run.clock.advance(300);
  }
  assert.deepEqual([run.saved, run.counts, run.logged], [[], {}, []]);
});

const BURST = {
  grew: 'anon',
  ...{ before_bytes: 300 * MIB, after_bytes: 900 * MIB, window_seconds: 590, limit_bytes: 1024 * MIB },
  kinds: [{ kind: 'anon', before_bytes: 300 * MIB, after_bytes: 900 * MIB }],
};

test('a burst in one container is one document, with the processes of that container', async () => {
  using host = new Host();
  await using run = new AutotracerRun(memburst, { procfs: host.directory, options: OPTIONS });
  run.containers = [host.one, host.two];
  await run.clock.advance(1200);
  host.useIn('one', 900);
  host.add({ pid: 101, comm: 'first', pages: 900 * 256 });
  await run.clock.advance(600);
  assert.deepEqual(
    run.saved.map(({ subject, severity, time_ns, data }) => ({ subject, severity, time_ns, data })),
    [
      {
        subject: host.one,
        severity: 'warning',
        time_ns: 1_210_000_000_000n,
        data: {
          ...BURST,
          top_memory_usage: [
            { PID: 101, ProcessName: 'first', MemSize: 900 * 256 * PAGE, growth_bytes: 600 * 256 * PAGE },
          ],
        },
      },
    ],
  );
  assert.deepEqual(run.counts, { complete: 1, cooldown: 58 });
});

test('a burst of the host shows its largest processes, those of containers too', async () => {
  using host = new Host();
  await using run = new AutotracerRun(memburst, { procfs: host.directory, options: OPTIONS });
  run.containers = [host.one, host.two];
  await run.clock.advance(1200);
  host.use(50_000);
  await run.clock.advance(10);
  const [document] = run.saved;
  assert.equal(document?.subject, undefined);
  assert.deepEqual(
    topOf(document).map(({ ProcessName }) => ProcessName),
    ['on the host', 'first', 'second'],
  );
});

test('a container that ends while it bursts has a partial document', async () => {
  using host = new Host();
  await using run = new AutotracerRun(memburst, { procfs: host.directory, options: OPTIONS });
  run.containers = [host.one];
  await run.clock.advance(1200);
  host.useIn('one', 900);
  host.remove(101);
  await run.clock.advance(10);
  const [document] = run.saved;
  assert.deepEqual(
    { ...document?.data, top_memory_usage: [] },
    {
      ...BURST,
      top_memory_usage: [],
      partial: true,
    },
  );
  assert.deepEqual(run.counts, { partial: 1 });
});

test('a container that cannot be read costs the host and the others nothing', async () => {
  using host = new Host();
  await using run = new AutotracerRun(memburst, { procfs: host.directory, options: OPTIONS });
  // A directory in place of the file: reading it fails with something else than "gone".
  const odd = container('c'.repeat(64), { memory: `${host.write('odd/memory.stat/x', '')}/..` });
  run.containers = [odd, host.two];
  await run.clock.advance(1200);
  host.useIn('two', 900);
  await run.clock.advance(10);
  assert.deepEqual(
    run.saved.map(({ subject }) => subject),
    [host.two],
  );
  assert.ok(run.logged.includes('a container cannot be read'));
});

test('a worker that takes over goes on with the windows and growth of the one before', async () => {
  using host = new Host();
  const first = new AutotracerRun(memburst, { procfs: host.directory, options: OPTIONS });
  first.containers = [host.one];
  await first.clock.advance(1200);
  await first[Symbol.asyncDispose]();
  host.useIn('one', 900);
  host.add({ pid: 101, comm: 'first', pages: 900 * 256 });
  const { clock, state } = first;
  await using second = new AutotracerRun(memburst, {
    procfs: host.directory,
    options: OPTIONS,
    clock,
    state,
  });
  second.containers = [host.one];
  await clock.advance(10);
  const [document] = second.saved;
  assert.equal(topOf(document)[0]?.growth_bytes, 600 * 256 * PAGE);
});

/** Megabytes of each kind, at both ends of a window. */
function kindsOf(
  before: readonly [anon: number, file: number, slab: number],
  after: typeof before,
): Window<MemoryKinds> {
  const state = ([anon, file, slab]: typeof before): MemoryKinds => ({
    ...{ anon_bytes: anon * MIB, file_bytes: file * MIB, slab_bytes: slab * MIB },
    limit_bytes: 4096 * MIB,
  });
  const samples = [before, after].map((mib, index) => ({
    boottime_ns: BigInt(index) * 600_000_000_000n,
    state: state(mib),
  }));
  const window = windowOf(samples, 2);
  assert.ok(window);
  return window;
}

for (const [what, before, after, grew] of [
  ['page cache', [500, 1000, 50], [500, 3000, 50], 'file'],
  ['page cache that leaves room', [500, 1000, 50], [500, 2800, 50], undefined],
  ['slab', [500, 500, 300], [500, 500, 900], 'slab'],
  ['little slab', [500, 500, 100], [500, 500, 255], undefined],
  ['both: that which grew more', [0, 400, 100], [0, 2900, 900], 'file'],
  ['none: all that is there was there', [3000, 3000, 900], [3000, 3000, 900], undefined],
] as const)
  test(`what has grown is told: ${what}`, () => {
    const burst = memburst.trigger(kindsOf(before, after), OPTIONS);
    assert.equal(burst?.grew, grew);
    if (burst)
      assert.deepEqual(
        burst.kinds.map(({ kind, before_bytes, after_bytes }) => [kind, before_bytes, after_bytes]),
        ['anon', 'file', 'slab'].map((kind, at) => [kind, before[at]! * MIB, after[at]! * MIB]),
      );
  });

test('page cache that has burst keeps no burst of anonymous memory from being captured', async () => {
  using host = new Host();
  await using run = new AutotracerRun(memburst, { procfs: host.directory, options: OPTIONS });
  await run.clock.advance(1200);
  host.use(1000, { 'Active(file)': 50_000, 'Inactive(file)': 0 });
  await run.clock.advance(10);
  host.use(60_000, { 'Active(file)': 1000, 'Inactive(file)': 0 });
  await run.clock.advance(20);
  assert.deepEqual(
    run.saved.map(({ data }) => (data as { readonly grew: string }).grew),
    ['file', 'anon'],
  );
  assert.deepEqual(run.counts, { complete: 2, cooldown: 1 });
});

test('containers are left out, and the host is not, by include and exclude', async () => {
  using host = new Host();
  const options = { ...OPTIONS, exclude: 'b+' };
  await using run = new AutotracerRun(memburst, { procfs: host.directory, options });
  run.containers = [host.one, host.two];
  await run.clock.advance(1200);
  host.useIn('one', 900);
  host.useIn('two', 900);
  host.use(50_000);
  await run.clock.advance(10);
  assert.deepEqual(
    run.saved.map(({ subject }) => subject),
    [undefined, host.one],
  );
});

test('it is a declaration of at most 60 lines, without what is said about it', () => {
  const source = readFileSync(at('src/collectors/autotracing/memburst.ts'), 'utf8');
  const code = source.replace(/^ {2}about: \{$.*?^ {2}\},$/ms, '');
  assert.notEqual(code, source);
  assert.ok(code.trimEnd().split('\n').length <= 60);
});
