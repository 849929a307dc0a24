/** bpf/include/filter.h: what a program looks at, set while it runs. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import { Allocator } from '../support/allocator.ts';
import { skipWithoutController, TestCgroup } from '../support/cgroup.ts';
import { CollectorHarness } from '../support/collector-harness.ts';
import { skipWithoutPrograms } from '../support/container-programs.ts';
import { directIo, LoopDevice } from '../support/disks.ts';
import { skipWithoutBpf } from '../support/kernel.ts';
import { sampleValue } from '../support/prometheus-text.ts';
import { retryUnseen } from '../support/unseen.ts';

const ASK = { comm: Buffer.from('m:f').toString('hex') };
const MINOR_BITS = 20;

interface Settings {
  readonly cgroup_id: bigint;
  readonly pid: number;
  readonly device: number;
}

/** How many events of one kind pass while something is done. */
class Filtered implements AsyncDisposable {
  readonly #harness: CollectorHarness;

  static async load(): Promise<Filtered> {
    return new Filtered(await CollectorHarness.load('filtered', { sources: 'collectors/contract' }));
  }

  private constructor(harness: CollectorHarness) {
    this.#harness = harness;
  }

  async set(settings: Partial<Settings>): Promise<void> {
    const filter = (await this.#harness.ctx.bpf.load()).map('filter');
    await filter.set(0, { cgroup_id: 0n, pid: 0, device: 0, ...settings });
  }

  async passed(
    what: 'process_renames' | 'cgroup_renames' | 'device_requests',
    act: () => unknown,
  ): Promise<number> {
    const total = async (): Promise<number> =>
      sampleValue(await this.#harness.scrape(), `huatuo_test_${what}_total`);
    const before = await total();
    await act();
    return (await total()) - before;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#harness[Symbol.asyncDispose]();
  }
}

describe('a filter', { skip: skipWithoutBpf() }, () => {
  test('of a process lets all pass at first, then that process, then all again', async () => {
    await using filtered = await Filtered.load();
    await using one = new Allocator();
    await using other = new Allocator();
    const both = async (): Promise<void> => {
      await one.ask(ASK);
      await other.ask(ASK);
      await other.ask(ASK);
    };
    assert.equal(await filtered.passed('process_renames', both), 3);
    await filtered.set({ pid: one.pid });
    assert.equal(await filtered.passed('process_renames', both), 1);
    await filtered.set({ pid: other.pid });
    assert.equal(await filtered.passed('process_renames', both), 2);
    assert.equal(await filtered.passed('cgroup_renames', both), 3, 'what is not set lets all pass');
    await filtered.set({});
    assert.equal(await filtered.passed('process_renames', both), 3);
  });

  test('of a cgroup lets its tasks pass, and those that are moved into it', {
    skip: skipWithoutController('cpu'),
  }, async () => {
    await using cgroup = TestCgroup.make('cpu', `/huatuo-filter-${process.pid}`);
    await using inside = new Allocator();
    await using outside = new Allocator();
    cgroup.add(inside.pid);
    await using filtered = await Filtered.load();
    const both = async (): Promise<void> => {
      await inside.ask(ASK);
      await inside.ask(ASK);
      await outside.ask(ASK);
    };
    assert.equal(await filtered.passed('cgroup_renames', both), 3);
    await filtered.set({ cgroup_id: cgroup.inode });
    assert.equal(await filtered.passed('cgroup_renames', both), 2);
    // An id of another hierarchy has its number in front: all 64 bits count.
    await filtered.set({ cgroup_id: cgroup.inode | (3n << 56n) });
    assert.equal(await filtered.passed('cgroup_renames', both), 0);
    await filtered.set({ cgroup_id: cgroup.inode });
    cgroup.add(outside.pid);
    assert.equal(await filtered.passed('cgroup_renames', both), 3);
  });

  test('of a disk lets its requests pass', { skip: skipWithoutPrograms('losetup', 'dd') }, async () => {
    using disk = new LoopDevice(1 << 20);
    using other = new LoopDevice(1 << 20);
    await using filtered = await Filtered.load();
    const read = ({ path }: LoopDevice, blocks: number): Promise<void> =>
      directIo([`if=${path}`, 'of=/dev/null', 'iflag=direct', `count=${blocks}`]);
    const both = async (): Promise<void> => {
      await read(disk, 30);
      await read(other, 50);
    };
    await retryUnseen(async () => {
      await filtered.set({});
      // Other disks are at work, too.
      assert.ok((await filtered.passed('device_requests', both)) >= 80);
      await filtered.set({ device: numberOf(disk) });
      assert.equal(await filtered.passed('device_requests', both), 30);
      await filtered.set({ device: numberOf(other) });
      assert.equal(await filtered.passed('device_requests', both), 50);
    });
  });
});

function numberOf({ name }: LoopDevice): number {
  const [major = 0, minor = 0] = readFileSync(`/sys/block/${name}/dev`, 'utf8').split(':').map(Number);
  return (major << MINOR_BITS) | minor;
}
