/** What it takes to have one more service: a spec, a worker file, an element of the list. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { afterEach, test } from 'node:test';
import type { MessagePort } from 'node:worker_threads';
import type { Remote } from '../../../src/actor/rpc.ts';
import type { ActorStatus } from '../../../src/actor/state.ts';
import type { Reader, Served, ServiceControl, ServiceSpec } from '../../../src/agent/services/service.ts';
import { type ReaderActor, Services } from '../../../src/agent/services/services.ts';
import type { EffectiveConfig } from '../../../src/config/effective.ts';
import { HuatuoError } from '../../../src/error.ts';
import { RingWatch } from '../../../src/kernel/ring-watch.ts';
import type { ElasticsearchStatus } from '../../../src/storage/elasticsearch/status.ts';
import { answerOf } from '../../../src/storage/prometheus/own-family.ts';
import type { GreeterHost, GreeterOptions } from '../../fixtures/workers/greeter.ts';
import { eventually } from '../../support/eventually.ts';

interface GreeterControl extends ServiceControl, Served {
  greeting(): string;
  /** Its thread answers nothing any more. */
  hang(): void;
}

const SUPERVISOR: EffectiveConfig['supervisor'] = {
  restarts: 3,
  restart_window_ms: 10_000,
  backoff_min_ms: 1,
  backoff_max_ms: 10,
  failed_retry_ms: 1000,
  heartbeat_timeout_ms: 30_000,
  start_timeout_ms: 30_000,
  stop_timeout_ms: 10_000,
  memory_limit_bytes: 1 << 30,
};
const SILENT = { debug() {}, info() {}, warn() {}, error() {} };

/** Of a configuration, what this service looks at: it has no section of its own. */
function configOf(region: string): EffectiveConfig {
  return { region, supervisor: SUPERVISOR, log: { level: 'error', format: 'json' } } as EffectiveConfig;
}

function greeter(released: () => void): ServiceSpec<GreeterControl> {
  return {
    name: 'greeter',
    role: 'storage',
    entry: new URL('../../fixtures/workers/greeter.js', import.meta.url),
    stopShare: 0.1,
    required: true,
    collectors: true,
    options: ({ region }): GreeterOptions => ({ greeting: region }),
    serve: { name: () => 'the host' } satisfies GreeterHost,
    works: (control) => control.greeting(),
    report: async (control) => {
      const message = await control.greeting();
      return { elasticsearch: { state: message } as unknown as ElasticsearchStatus };
    },
    trouble: ({ elasticsearch }) =>
      elasticsearch && { code: 'OVERLOADED', message: `failing: ${elasticsearch.state}`, remedy: 'none' },
    release: released,
  };
}

/** A collector's side: keeps what it hears on its ports. */
class Listener implements ReaderActor {
  readonly name = 'oom';
  readonly heard: Promise<string>[] = [];
  readonly ports: MessagePort[] = [];
  readonly control = {
    connectTo: async (service: string, port: MessagePort) => {
      assert.equal(service, 'greeter');
      this.ports.push(port);
      this.heard.push(once(port, 'message').then(([text]) => text as string));
    },
  } as unknown as Remote<Reader>;
}

interface Stage {
  readonly services: Services;
  readonly listener: Listener;
  readonly changes: ActorStatus[];
  config: EffectiveConfig;
  released: number;
}

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0)) await cleanup();
});

function stage(
  region: string,
  prepare: () => void = () => undefined,
  released: () => void = () => undefined,
): Stage {
  const state = { config: configOf(region), released: 0 };
  const listener = new Listener();
  const changes: ActorStatus[] = [];
  const release = (): void => {
    state.released += 1;
    released();
  };
  const rings = new RingWatch();
  const services = new Services(
    [() => ({ ...greeter(release), prepare }) as ServiceSpec<ServiceControl>],
    {
      log: SILENT,
      rings,
      config: () => state.config,
      pooled: () => [],
      mapped: () => [],
      attached: () => assert.fail('not asked'),
      status: () => Promise.reject(new Error('not asked')),
      families: async () => answerOf([]),
    },
    { readers: () => [listener], changed: (status) => changes.push(status) },
  );
  cleanups.push(async () => {
    await services.stop();
    rings[Symbol.dispose]();
    for (const port of listener.ports) port.close();
  });
  return Object.assign(state, { services, listener, changes });
}

test('a service starts, answers on its control port, asks its host, and serves every collector', async () => {
  const { services, listener, changes } = stage('hello');
  await services.start();
  assert.equal(await services.control<GreeterControl>('greeter').greeting(), 'hello');
  assert.equal(await listener.heard[0], 'hello oom, says the host');
  assert.deepEqual(
    changes.map(({ name, state }) => `${name} ${state}`),
    ['greeter starting', 'greeter running'],
  );
});

test('a configuration that changes its options replaces its worker, which gets new ports; another one does not', async () => {
  const made = stage('hello');
  await made.services.start();
  const before = made.config;
  made.config = { ...before, ring: { wakeup_age_ms: 1, batch_bytes: 1, batches_in_flight: 1 } };
  assert.deepEqual(await made.services.apply(before), []);
  made.config = configOf('good morning');
  assert.deepEqual(await made.services.apply(before), ['greeter']);
  assert.equal(await made.listener.heard.at(-1), 'good morning oom, says the host');
});

test('a worker that ends is replaced, and its readers are connected again', async () => {
  const made = stage('hello');
  await made.services.start();
  made.services.actors[0]?.end(new HuatuoError('WORKER_EXITED', { found: 'a test', remedy: 'none' }));
  await eventually('a second port', () => made.listener.ports.length === 2);
  assert.equal(await made.listener.heard[1], 'hello oom, says the host');
});

test('a service that runs and does not get on shows its own reason', async () => {
  const { services } = stage('no server');
  await services.start();
  assert.equal(services.statuses[0]?.reason, undefined);
  assert.equal(services.isTroubled, false);
  await services.ask(5_000);
  assert.equal(services.isTroubled, true);
  const shown = services.statuses.map(({ state, reason }) => [state, reason?.message]);
  assert.deepEqual(shown, [['running', 'failing: no server']]);
});

test('what keeps a service from being prepared fails the start before any thread is made', async () => {
  const { services, changes } = stage('hello', () => {
    throw new HuatuoError('JOURNAL_FAILED', { found: 'a lock that is held', remedy: 'none' });
  });
  await assert.rejects(services.start(), { code: 'JOURNAL_FAILED' });
  await services.stop();
  assert.deepEqual(changes, []);
});

test('a required service that cannot work fails the start with its reason', async () => {
  const { services } = stage('');
  await assert.rejects(services.start(), /nothing to say/);
});

test('a start that is given up begins no other service, and waits for none', async () => {
  const { services } = stage('hello');
  const stop = new AbortController();
  stop.abort(new HuatuoError('CANCELLED', { found: 'a test', remedy: 'none' }));
  await assert.rejects(services.start(stop.signal), { code: 'CANCELLED' });
});

test('a service whose thread hangs is waited for no longer than it may take', async () => {
  const { services } = stage('hello');
  await services.start();
  services
    .control<GreeterControl>('greeter')
    .hang()
    .catch(() => undefined);
  await services.forget('oom', 50);
  const greeting = (control: Remote<GreeterControl>): PromiseLike<string> => control.greeting();
  await assert.rejects(services.call('greeter', 'greeting', greeting, 50), {
    code: 'DEADLINE_EXCEEDED',
    message: /greeting of greeter/,
  });
});

test('a service that cannot let go of what it held is told of, and stopped', async () => {
  const { services, changes } = stage('hello', undefined, () => {
    throw new Error('a disk that is gone');
  });
  await services.start();
  await services.stop();
  assert.equal(changes.at(-1)?.state, 'stopped');
});

test('a service that is stopped lets go of what it held, and has no control any more', async () => {
  const made = stage('hello');
  await made.services.start();
  await made.services.stop();
  assert.equal(made.released, 1);
  assert.throws(
    () => made.services.control('greeter'),
    (error) =>
      error instanceof HuatuoError && error.code === 'WORKER_EXITED' && /stopped/.test(error.message),
  );
});
