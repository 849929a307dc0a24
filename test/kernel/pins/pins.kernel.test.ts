import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import {
  existsSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  statSync,
  unlinkSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { unpin } from '../../../src/cli/unpin.ts';
import { lockPinDirectory, preparePinDirectory } from '../../../src/kernel/bpffs.ts';
import { mount } from '../../../src/kernel/libc.ts';
import { removeOtherPins, removePins } from '../../../src/kernel/pins/pin-set.ts';
import { builtCollectors, flood } from '../../support/flood.ts';
import { skipWithoutBpf } from '../../support/kernel.ts';
import { rename } from '../../support/rename.ts';
import type { PinnedAgentReport } from './pinned-agent.ts';

const AGENT = fileURLToPath(new URL('./pinned-agent.js', import.meta.url));

/** Every test has a BPF file system of its own; the host's is not touched. */
describe('pinned collectors', { skip: skipWithoutBpf() }, () => {
  const root = mkdtempSync(join(tmpdir(), 'huatuo-pins-'));
  let built = '';
  const bpffs = join(root, 'bpffs');
  const directory = join(bpffs, 'huatuo');

  before(async () => {
    mkdirSync(bpffs);
    built = await builtCollectors('collectors');
    assert.equal(mount('bpf', bpffs, 'mode=0700'), 0);
  });

  afterEach(() => removeOtherPins(directory, new Set()));

  after(() => {
    execFileSync('umount', [bpffs]);
    rmSync(root, { recursive: true, force: true });
  });

  /** One life of an agent that ends by SIGKILL. @returns undefined when it did not come to its end */
  function agent(task: string, argument = 0, keepEvery = 1, from = built): PinnedAgentReport | undefined {
    const argv = [AGENT, directory, from, String(keepEvery), task, String(argument)];
    const { stdout, stderr, signal } = spawnSync(process.execPath, argv, { encoding: 'utf8' });
    assert.equal(stderr, '');
    assert.equal(signal, 'SIGKILL');
    return stdout === '' ? undefined : (JSON.parse(stdout) as PinnedAgentReport);
  }

  function life(task: string, argument = 0, keepEvery = 1, from = built): PinnedAgentReport {
    const report = agent(task, argument, keepEvery, from);
    assert.ok(report);
    return report;
  }

  function sets(): string[] {
    const collector = join(directory, 'flood');
    return existsSync(collector) ? readdirSync(collector) : [];
  }

  function setPath(...parts: string[]): string {
    return join(directory, 'flood', sets()[0] ?? '', ...parts);
  }

  function messages({ log }: PinnedAgentReport): string[] {
    return log.map(({ message }) => message);
  }

  function range(first: number, end: number): number[] {
    return Array.from({ length: end - first }, (_, index) => first + index);
  }

  test('an agent reads every event that was made while none ran', () => {
    const first = life('leave');
    flood(1000);
    flood(500);
    const second = life('read');
    assert.equal(second.ringId, first.ringId);
    assert.deepEqual(second.sequences, range(0, 1500));
    flood(200);
    const third = life('read');
    assert.deepEqual(third.sequences, range(1500, 1700));
    assert.deepEqual(third.ledger, {
      produced: '1700',
      rate_limited: '0',
      dropped_ring_full: '0',
      journalled: '1700',
    });
  });

  test('directories of pins are closed to others', () => {
    life('leave');
    for (const path of [directory, join(directory, 'flood'), setPath('maps'), setPath('links')]) {
      assert.equal(statSync(path).mode & 0o777, 0o700, path);
    }
  });

  test('a set of other options is replaced, and what was in its ring is told', () => {
    const first = life('leave');
    const [old] = sets();
    flood(100);
    const second = life('read', 0, 2);
    assert.notEqual(second.ringId, first.ringId);
    assert.deepEqual(second.sequences, []);
    const removed = second.log.find(({ message }) => message === 'removed a pinned set');
    assert.equal(removed?.detail.fingerprint, old);
    assert.equal(removed?.detail.complete, true);
    assert.ok(Number(removed?.detail.unread_bytes) >= 100 * 64);
    assert.equal(sets().length, 1);
    assert.notEqual(sets()[0], old);
  });

  for (const kind of ['maps', 'links'] as const) {
    test(`a set that lost one of its ${kind} is replaced`, () => {
      const first = life('leave');
      const [name = ''] = readdirSync(setPath(kind));
      unlinkSync(setPath(kind, name));
      const second = life('leave');
      assert.notEqual(second.ringId, first.ringId);
      assert.deepEqual(messages(second), ['the pinned set is damaged', 'removed a pinned set']);
      flood(10);
      assert.deepEqual(life('read').sequences, range(0, 10));
    });
  }

  test('a set with a map under the name of another is replaced', () => {
    const first = life('leave');
    unlinkSync(setPath('maps', 'events'));
    linkSync(setPath('maps', 'ledger'), setPath('maps', 'events'));
    const second = life('leave');
    assert.notEqual(second.ringId, first.ringId);
    assert.match(String(second.log[0]?.detail.error), /type, key and value sizes/);
  });

  test('a set with a map where a link should be is replaced', () => {
    const first = life('leave');
    unlinkSync(setPath('links', 'renamed'));
    linkSync(setPath('maps', 'ledger'), setPath('links', 'renamed'));
    const second = life('leave');
    assert.notEqual(second.ringId, first.ringId);
    assert.match(String(second.log[0]?.detail.error), /expected a link/);
  });

  test('an agent killed at any pin leaves nothing that the next one takes for whole', () => {
    life('leave');
    const pins = readdirSync(setPath('maps')).length + readdirSync(setPath('links')).length;
    for (let at = 1; at <= pins; at++) {
      removePins(directory, 'flood');
      assert.equal(agent('kill', at), undefined);
      assert.match(sets()[0] ?? '', /^partial-/);
      const next = life('leave');
      const [removed] = next.log;
      assert.equal(removed?.message, 'removed a pinned set');
      assert.equal(removed?.detail.complete, false);
      assert.match(sets().join(), /^[0-9a-f]{16}$/);
    }
  });

  test('a graceful stop leaves the pins, and the programs run on', () => {
    const first = life('release');
    flood(50);
    const second = life('read');
    assert.equal(second.ringId, first.ringId);
    assert.deepEqual(second.sequences, range(0, 50));
  });

  test('a tracepoint that is attached as a perf event runs on without its agent, until its pins are removed', async () => {
    const perf = await builtCollectors('collectors/perf');
    const isTracefsHere = existsSync('/sys/kernel/tracing/events');
    try {
      const first = life('release', 0, 1, perf);
      for (let count = 0; count < 50; count++) rename('perf');
      const second = life('read', 0, 1, perf);
      assert.equal(second.ringId, first.ringId);
      const made = second.sequences.length;
      assert.ok(made >= 50, `${made} events`);
      assert.deepEqual(second.sequences, range(0, made));
      rename('perf');
      const third = life('detach', 0, 1, perf);
      rename('perf');
      assert.deepEqual([third.ringId, sets()], [first.ringId, []]);
      assert.ok(Number(third.ledger.produced) > made);
    } finally {
      if (!isTracefsHere) execFileSync('umount', ['/sys/kernel/tracing']);
    }
  });

  test('a collector that detaches takes its pins away', () => {
    life('detach');
    assert.deepEqual(sets(), []);
  });

  test('a thousand restarts of a worker leave no file open, loaded or adopted', () => {
    const loaded = life('restarts', 1000);
    const adopted = life('restarts', 1000);
    assert.equal(adopted.ringId, loaded.ringId);
    assert.equal(loaded.openFiles.after, loaded.openFiles.before);
    assert.equal(adopted.openFiles.after, adopted.openFiles.before);
  });

  test('removing the pins stops the programs', async () => {
    const { ringId } = life('leave');
    assert.ok(mapExists(ringId));
    const [removed] = removePins(directory, 'flood');
    assert.deepEqual([removed?.complete, removed?.links], [true, 1]);
    assert.equal(existsSync(join(directory, 'flood')), false);
    // The kernel frees links and maps in the background.
    while (mapExists(ringId)) await sleep(20);
  });

  test('collectors that are no longer wanted lose their pins, others and strangers keep theirs', () => {
    life('leave');
    mkdirSync(join(directory, 'flood', 'strange'));
    assert.deepEqual(removeOtherPins(directory, new Set(['flood'])), []);
    assert.equal(removeOtherPins(directory, new Set(['oom']))[0]?.collector, 'flood');
    assert.deepEqual(sets(), ['strange']);
    rmSync(join(directory, 'flood', 'strange'), { recursive: true });
    assert.deepEqual(removeOtherPins(directory, new Set()), []);
    assert.equal(existsSync(join(directory, 'flood')), false);
  });

  test('unpin names what it takes away and leaves nothing', () => {
    life('leave');
    const [set] = sets();
    flood(1);
    assert.match(unpin(directory), new RegExp(`^flood/${set}: 1 links, 8 maps, [1-9][0-9]* bytes unread$`));
    assert.equal(existsSync(directory), false);
    assert.equal(unpin(directory), `nothing is pinned in ${directory}`);
  });

  test('unpin tells of a set that was never whole', () => {
    agent('kill', 3);
    assert.match(unpin(directory), /^flood\/[0-9a-f]{16}: 0 links, 2 maps, .* \(was incomplete\)$/);
    assert.equal(existsSync(directory), false);
  });

  test('unpin refuses a path that is not on a BPF file system', () => {
    assert.throws(() => unpin(root), { code: 'DIRECTORY_NOT_WRITABLE' });
    assert.ok(existsSync(bpffs));
  });

  test('a path that is not on a BPF file system is refused', () => {
    assert.throws(() => preparePinDirectory(join(root, 'elsewhere')), {
      code: 'DIRECTORY_NOT_WRITABLE',
      message: /on a BPF file system, found/,
    });
    assert.equal(existsSync(join(root, 'elsewhere')), false);
  });

  test('a second agent is kept off a directory until the first has let go', () => {
    preparePinDirectory(directory);
    {
      using _first = lockPinDirectory(directory);
      assert.throws(() => lockPinDirectory(directory), { code: 'DIRECTORY_NOT_WRITABLE' });
    }
    lockPinDirectory(directory)[Symbol.dispose]();
  });
});

function mapExists(id: number): boolean {
  return spawnSync('bpftool', ['map', 'show', 'id', String(id)]).status === 0;
}
