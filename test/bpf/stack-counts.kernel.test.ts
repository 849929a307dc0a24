/** bpf/include/stack_counts.h: a sampling program, from the CPU to folded stacks. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { after, before, describe, test } from 'node:test';
import type { FoldedStack } from '../../src/sdk/context.ts';
import { skipWithoutController, TestCgroup } from '../support/cgroup.ts';
import { CollectorHarness } from '../support/collector-harness.ts';
import { CompiledProgram } from '../support/compiled-program.ts';
import { skipWithoutPrograms } from '../support/container-programs.ts';
import { eventually } from '../support/eventually.ts';
import { skipWithoutBpf } from '../support/kernel.ts';
import { type PageFamily, sampleValue } from '../support/prometheus-text.ts';

const skip = skipWithoutBpf() || skipWithoutController('cpu') || skipWithoutPrograms('cc');
const RUNS = 'huatuo_test_sample_runs_total';
const LOST = 'huatuo_bpf_stack_overflows_total';
/** Samples of the busy program that are enough to see what it does most. */
const ENOUGH = 60;

interface Profile {
  readonly stacks: readonly FoldedStack[];
  /** Entries of the map. */
  readonly entries: number;
  readonly runs: number;
  readonly lost: number;
}

const total = (stacks: readonly FoldedStack[]): number =>
  stacks.reduce((sum, { samples }) => sum + samples, 0);

describe('counts of stacks', { skip }, () => {
  const stack = new AsyncDisposableStack();
  let cgroup: TestCgroup;
  before(async () => {
    const program = stack.use(new CompiledProgram('busy_loop', '-O0', '-fno-omit-frame-pointer'));
    cgroup = stack.use(TestCgroup.make('cpu', `/huatuo-stacks-${process.pid}`));
    const busy = spawn(program.path, { stdio: ['ignore', 'pipe', 'inherit'] });
    stack.defer(async () => {
      const ended = once(busy, 'exit');
      busy.kill('SIGKILL');
      await ended;
    });
    await once(busy.stdout, 'data');
    cgroup.add(busy.pid ?? 0);
  });
  after(() => stack.disposeAsync());

  /** What is sampled until `enough`; nothing is any more when it resolves. */
  async function profile(
    name: string,
    enough: (stacks: readonly FoldedStack[], page: ReadonlyMap<string, PageFamily>) => boolean,
  ): Promise<Profile> {
    await using sampled = await CollectorHarness.load(name, { sources: 'collectors/contract' });
    const object = await sampled.ctx.bpf.load();
    await eventually('enough samples', async () =>
      enough(await object.stacks('stacks'), await sampled.scrape()),
    );
    await object.detach();
    let entries = 0;
    for await (const _ of object.map('stacks').entries()) entries += 1;
    const page = await sampled.scrape();
    return {
      stacks: await object.stacks('stacks'),
      entries,
      runs: sampleValue(page, RUNS),
      lost: sampleValue(page, LOST, { collector: name }),
    };
  }

  test("the hottest frame of a busy program is the function it is busy in, and its cgroup's; every run is counted", async () => {
    const own = ({ cgroupId }: FoldedStack): boolean => cgroupId === cgroup.inode;
    const { stacks, runs, lost } = await profile(
      'sampled_stacks',
      (found) => total(found.filter(own)) >= ENOUGH,
    );
    assert.equal(total(stacks) + lost, runs);
    assert.equal(
      new Set(stacks.map(({ frames, cgroupId }) => `${cgroupId} ${frames.join(';')}`)).size,
      stacks.length,
    );

    const hottest = new Map<string, number>();
    for (const { frames, samples } of stacks.filter(own))
      hottest.set(frames.at(-1)!, (hottest.get(frames.at(-1)!) ?? 0) + samples);
    const [[function_, samples] = assert.fail()] = [...hottest].toSorted(([, a], [, b]) => b - a);
    assert.equal(function_, 'hottest_function', JSON.stringify([...hottest]));
    assert.ok(samples > ENOUGH / 2, JSON.stringify([...hottest]));
    const its = stacks.find(({ frames }) => frames.at(-1) === function_);
    assert.match(its?.frames.join(';') ?? '', /;main;calling_function;hottest_function$/);

    const ofKernel = stacks.filter(({ frames }) => frames.at(-1)?.endsWith('_[k]'));
    assert.ok(ofKernel.length > 0);
    for (const { frames } of ofKernel) {
      const first = frames.findIndex((frame) => frame.endsWith('_[k]'));
      assert.ok(
        frames.slice(first).every((frame) => frame.endsWith('_[k]')),
        `user before kernel: ${frames.join(';')}`,
      );
    }
  });

  test('what finds the map full is counted as lost, and no stack is counted as another', async () => {
    const { stacks, entries, runs, lost } = await profile(
      'few_sampled_stacks',
      (_, page) => sampleValue(page, LOST) >= 5,
    );
    assert.equal(total(stacks) + lost, runs);
    assert.equal(entries, 4);
    assert.ok(stacks.length <= entries);
  });

  test('a map of another kind is refused', async () => {
    await using sampled = await CollectorHarness.load('sampled_stacks', { sources: 'collectors/contract' });
    const object = await sampled.ctx.bpf.load();
    await assert.rejects(object.stacks('stacks_drafts'), { code: 'COLLECTOR_INVALID' });
  });
});
