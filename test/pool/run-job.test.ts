/** The order of tasks in a thread, and whom it says that it waits for. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { newJob, underWay } from '../../src/pool/batch.ts';
import type { FileTask, FileTaskResult, TaskHost } from '../../src/pool/file-task.ts';
import { runJob } from '../../src/pool/run-job.ts';

const task = (name: string): FileTask => ({ type: 'describe', collector: { name } }) as FileTask;

/** Tasks that note what they do; those that are called `asks…` wait for an answer of the kernel, `sleeps` for something else. */
class Thread {
  readonly done: string[] = [];
  readonly answer = Promise.withResolvers<Uint8Array[]>();
  readonly woken = Promise.withResolvers<void>();
  readonly job;
  readonly results;

  constructor(...names: readonly string[]) {
    this.job = newJob(names.map(task));
    const host = { netlink: { request: () => this.answer.promise } } as unknown as TaskHost;
    this.results = runJob(this.job, host, (one, given) => this.#run(one, given));
  }

  async #run({ collector: { name } }: FileTask, { netlink }: TaskHost): Promise<FileTaskResult> {
    this.done.push(`${name} begins`);
    if (name.startsWith('asks')) await netlink.request(0, new Uint8Array());
    if (name === 'sleeps') await this.woken.promise;
    this.done.push(`${name} ends`);
    return { type: 'described', every_seconds: this.done.length };
  }
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

test('while one waits for the kernel the next begins; who waits last is under way', async () => {
  const thread = new Thread('asks', 'b', 'asks too', 'd');
  await turn();
  assert.deepEqual(thread.done, [
    'asks begins',
    'b begins',
    'b ends',
    'asks too begins',
    'd begins',
    'd ends',
  ]);
  assert.equal(underWay(thread.job)?.collector.name, 'asks');
  thread.answer.resolve([]);
  const results = (await thread.results) as readonly { readonly every_seconds: number }[];
  assert.deepEqual(
    results.map(({ every_seconds }) => thread.done[every_seconds - 1]),
    ['asks ends', 'b ends', 'asks too ends', 'd ends'],
  );
});

test('one that waits for anything else holds up those behind it', async () => {
  const thread = new Thread('a', 'sleeps', 'c');
  await turn();
  assert.equal(thread.done.at(-1), 'sleeps begins');
  assert.equal(underWay(thread.job)?.collector.name, 'sleeps');
  thread.woken.resolve();
  assert.equal((await thread.results).length, 3);
});
