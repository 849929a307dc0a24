/** `ctx.netlink` of tasks in the threads of a real pool; whoever answers is in this thread, as in the agent. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import type { MessagePort } from 'node:worker_threads';
import { ContainersClient } from '../../src/containers/client.ts';
import { SnapshotWriter } from '../../src/containers/snapshot.ts';
import { keepClock } from '../../src/kernel/clock-keeper.ts';
import { NETLINK_REQUESTS } from '../../src/kernel/netlink-requests.ts';
import { PoolNetlink } from '../../src/kernel/pool-netlink.ts';
import type { FileTask } from '../../src/pool/file-task.ts';
import { FilePool } from '../../src/pool/pool.ts';
import type { NetlinkRequests } from '../../src/sdk/netlink.ts';
import { allocateState } from '../../src/sdk/shared-state.ts';
import { AnswerReader } from '../../src/storage/prometheus/reader.ts';
import { eventually } from '../support/eventually.ts';

keepClock();

const DEADLINE_MS = 60_000;
const never = (): Promise<never> => new Promise(() => {});

function update(name: string): Extract<FileTask, { readonly type: 'update' }> {
  const modulePath = fileURLToPath(new URL(`../fixtures/metrics/${name}.js`, import.meta.url));
  return {
    type: 'update',
    collector: { name, modulePath, options: {}, maxSeries: 10, contents: '', state: allocateState() },
    containers: new SnapshotWriter(new ContainersClient(0)).get(),
    samples: [],
    losses: { refusedSeries: 0, truncatedLabels: 0 },
    known: undefined,
  };
}

async function loopbacks(pool: FilePool): Promise<number | undefined> {
  const { answer } = await pool.run(update('devices'), DEADLINE_MS);
  const { families } = new AnswerReader().read(answer);
  return families.find(({ family }) => family.text.name === 'huatuo_bamai_devices_loopbacks')?.values[0];
}

const poolWith = (answer: (port: MessagePort) => void): FilePool =>
  new FilePool(
    { paths: { procfs: '/proc', sysfs: '/sys' }, log: { level: 'error', format: 'json' } },
    answer,
  );

test('a task asks the kernel; its thread connects once, and one that asks nothing never', async () => {
  using netlink = new PoolNetlink(NETLINK_REQUESTS);
  let ports = 0;
  await using pool = poolWith((port) => {
    ports += 1;
    netlink.answer(port);
  });
  await pool.run(update('quiet'), DEADLINE_MS);
  assert.equal(ports, 0);
  assert.equal(await loopbacks(pool), 1);
  assert.equal(await loopbacks(pool), 1);
  assert.equal(ports, 1);
});

test('when nothing answers any more the task fails, and the next one connects anew', async () => {
  using netlink = new PoolNetlink(NETLINK_REQUESTS);
  let refuse = true;
  await using pool = poolWith((port) => (refuse ? port.close() : netlink.answer(port)));
  await assert.rejects(loopbacks(pool), { code: 'WORKER_EXITED' });
  refuse = false;
  assert.equal(await loopbacks(pool), 1);
});

test('a kernel that does not answer costs the task its result, not its thread', async () => {
  const hanging: NetlinkRequests = { request: never, driverOf: never, driverCounters: never };
  using netlink = new PoolNetlink(hanging, 50);
  await using pool = poolWith((port) => netlink.answer(port));
  await assert.rejects(loopbacks(pool), { code: 'DEADLINE_EXCEEDED', message: /rtnl_mutex/ });
});

test('a task that is ended with its thread takes its port along', async () => {
  const hanging: NetlinkRequests = { request: never, driverOf: never, driverCounters: never };
  using netlink = new PoolNetlink(hanging);
  let closed = false;
  const opened = Promise.withResolvers<void>();
  await using pool = poolWith((port) => {
    netlink.answer(port);
    port.once('close', () => {
      closed = true;
    });
    opened.resolve();
  });
  const hung = pool.run(update('devices'), DEADLINE_MS);
  hung.catch(() => {});
  await opened.promise;
  await pool[Symbol.asyncDispose]();
  await assert.rejects(hung);
  await eventually('the end of the port', () => closed);
});
