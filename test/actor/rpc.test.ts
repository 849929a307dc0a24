import assert from 'node:assert/strict';
import { once } from 'node:events';
import { test } from 'node:test';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { MessageChannel, type MessagePort, Worker } from 'node:worker_threads';
import { expose, type Remote, transferPort, wrap } from '../../src/actor/rpc.ts';
import { HuatuoError } from '../../src/error.ts';
import { withDeadline } from '../../src/promises.ts';

class Api {
  readonly #state = 'of the instance';
  state(): string {
    return this.#state;
  }
  fail(): never {
    const cause = new Error('write failed');
    throw new HuatuoError('JOURNAL_FAILED', { expected: 'room', found: 'none', remedy: 'make some', cause });
  }
  failPlainly(): Promise<never> {
    return Promise.reject(new TypeError('not a function'));
  }
  hang(): Promise<void> {
    return new Promise(() => {});
  }
  greet(port: MessagePort): void {
    port.postMessage('hello');
  }
}

function serve(): { readonly api: Remote<Api> } & Disposable {
  const { port1, port2 } = new MessageChannel();
  expose(new Api(), port1);
  return { api: wrap<Api>(port2), [Symbol.dispose]: () => port2.close() };
}

test('methods are called on the instance', async () => {
  using served = serve();
  assert.equal(await served.api.state(), 'of the instance');
});

test('an error keeps class, code, remedy and cause', async () => {
  using served = serve();
  await assert.rejects(served.api.fail(), (error) => {
    assert.ok(error instanceof HuatuoError && error.cause instanceof Error);
    assert.deepEqual([error.code, error.remedy], ['JOURNAL_FAILED', 'make some']);
    assert.equal(error.message, 'expected room, found none; make some');
    assert.match(error.cause.message, /write failed/);
    return true;
  });
});

test('any other error arrives as COLLECTOR_FAILED with its message', async () => {
  using served = serve();
  await assert.rejects(served.api.failPlainly(), { code: 'COLLECTOR_FAILED', message: /not a function/ });
});

test('a port is moved to the other side', async () => {
  using served = serve();
  const { port1, port2 } = new MessageChannel();
  const greeted = new Promise((resolve) => port1.once('message', resolve));
  await served.api.greet(transferPort(port2));
  assert.equal(await greeted, 'hello');
  port1.close();
});

test('a call that is never answered ends at its deadline, named', async () => {
  using served = serve();
  await assert.rejects(withDeadline(served.api.hang(), 20, 'hang of the test'), {
    code: 'DEADLINE_EXCEEDED',
    message: /hang of the test after 20 ms/,
  });
});

test('a call whose other side goes away ends then, and so do later ones', async () => {
  const served = serve();
  const hanging = served.api.hang();
  served[Symbol.dispose]();
  await assert.rejects(hanging, { code: 'WORKER_EXITED' });
  await assert.rejects(served.api.state(), { code: 'WORKER_EXITED' });
});

test('a thread that is terminated answers what it was asked with an error', async () => {
  const { port1, port2 } = new MessageChannel();
  const worker = new Worker('setInterval(() => {}, 1000)', {
    eval: true,
    workerData: port2,
    transferList: [port2],
  });
  const rejected = assert.rejects(wrap<Api>(port1).state(), { code: 'WORKER_EXITED' });
  await once(worker, 'online');
  await worker.terminate();
  await rejected;
});

test('a call that is answered in time gives its own result or error', async () => {
  assert.equal(await withDeadline(Promise.resolve(7), 10_000, 'answer'), 7);
  await assert.rejects(withDeadline(Promise.reject(new RangeError('own')), 10_000, 'answer'), {
    message: 'own',
  });
});

test('a wrapper that nobody holds any more does not close the port, on which this side is served too', async () => {
  const { port1, port2 } = new MessageChannel();
  expose(new Api(), port1);
  expose(new Api(), port2);
  await wrap<Api>(port2).state();
  await collectForAWhile();
  const answered = withDeadline(wrap<Api>(port1).state(), 5000, 'state');
  assert.equal(await answered.finally(() => port1.close()), 'of the instance');
});

test('a wrapper goes with its port', async () => {
  const ended = await (async () => {
    const { port1, port2 } = new MessageChannel();
    expose(new Api(), port1);
    const remote = wrap<Api>(port2);
    await remote.state();
    port2.close();
    return new WeakRef(remote);
  })();
  await collectForAWhile();
  assert.equal(ended.deref(), undefined);
});

/** Comlink's finalizers run some turns after a collection. */
async function collectForAWhile(): Promise<void> {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  for (let turn = 0; turn < 10; turn++) {
    collect();
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
