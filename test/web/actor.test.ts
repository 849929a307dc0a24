import assert from 'node:assert/strict';
import { createServer } from 'node:net';
import { hostname } from 'node:os';
import { afterEach, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { MessageChannel, Worker } from 'node:worker_threads';
import { Heartbeat } from '../../src/actor/heartbeat.ts';
import { expose, type Remote, transferPort, wrap } from '../../src/actor/rpc.ts';
import type { ServiceData } from '../../src/actor/service-thread.ts';
import { ActorStats } from '../../src/actor/stats.ts';
import { keepClock } from '../../src/kernel/clock-keeper.ts';
import type { MapReadCalls } from '../../src/map-metrics/map-reads.ts';
import type { MappedCollector } from '../../src/map-metrics/map-source.ts';
import { allocateSeries } from '../../src/sdk/kept-series.ts';
import { allocateState } from '../../src/sdk/shared-state.ts';
import { answerOf, gauge } from '../../src/storage/prometheus/own-family.ts';
import type { ScrapeReply, ScrapeRequest } from '../../src/storage/prometheus/protocol.ts';
import type { PrometheusControl, PrometheusOptions, SupervisorApi } from '../../src/web/actor.ts';
import type { StatusDocument } from '../../src/web/status.ts';
import { dropsMap } from '../support/drops-map.ts';
import { eventually } from '../support/eventually.ts';
import { NO_CONTAINERS } from '../support/no-containers.ts';
import { promlint } from '../support/promlint.ts';

keepClock();

const STATUS: StatusDocument = {
  agent: {
    version: '1.2.3',
    started_at: '2026-01-01T00:00:00Z',
    state: 'ready',
    node: process.version,
    kernel: '6.18.0',
    hostname: hostname(),
    region: 'test',
    pid: process.pid,
  },
  actors: [],
  ledger: [],
};

/** A collector `mapped` whose one map has counted 7. */
const MAPPED: MapReadCalls = {
  readMaps: async (wishes) =>
    wishes.map(({ maps }) => ({
      type: 'read',
      object: 1,
      batches: maps.map(() => ({
        count: 1,
        keys: new Uint8Array(4),
        values: new Uint8Array(BigUint64Array.of(7n).buffer),
      })),
    })),
  mapLookup: async () => undefined,
  mapBatch: async () => ({ count: 0, keys: new Uint8Array(), values: new Uint8Array() }),
  mapUpdate: async () => undefined,
  mapDelete: async () => false,
};

const SUPERVISOR: SupervisorApi = {
  ...MAPPED,
  containers: async () => NO_CONTAINERS,
  answerNetlink: async (port) => port.close(),
  status: async () => STATUS,
  families: async (isDetailed) =>
    answerOf([
      gauge('huatuo_build_info', 'Build.', [{ labels: { version: '1.2.3' }, value: 1 }]),
      ...(isDetailed ? [gauge('huatuo_detail', 'Detail.', [{ labels: {}, value: 1 }])] : []),
    ]),
};

interface Started {
  readonly control: Remote<PrometheusControl>;
  readonly heartbeat: Heartbeat;
}

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

/** The actor in its own thread, as the supervisor starts it. */
function start(supervisor: SupervisorApi = SUPERVISOR, port = 0, scrape_timeout_ms = 30_000): Started {
  const { port1, port2 } = new MessageChannel();
  const stats = ActorStats.allocate();
  const data: ServiceData<PrometheusOptions> = {
    name: 'prometheus',
    options: {
      version: '1.2.3',
      web: { host: '127.0.0.1', port, hosts: [], scrape_timeout_ms, config_file: '' },
      paths: { procfs: '/proc', sysfs: '/sys' },
      log: { level: 'error', format: 'json' },
      journal: '/nonexistent',
      containerWait_ms: 0,
      containerKeepGone_ms: 0,
    },
    control: port2,
    log: { level: 'error', format: 'json' },
    stats,
  };
  const worker = new Worker(new URL('../../workers/prometheus.js', import.meta.url), {
    workerData: data,
    transferList: [port2],
  });
  cleanups.push(
    () => worker.terminate(),
    () => port1.close(),
  );
  expose(supervisor, port1);
  const control = wrap<PrometheusControl>(port1);
  void control.setLabels({ region: 'test', host: 'h' });
  return { control, heartbeat: new Heartbeat(stats) };
}

async function get(control: Started['control'], path: string): Promise<{ status: number; body: string }> {
  const { address, port } = await control.listening();
  const response = await fetch(`http://${address}:${port}${path}`);
  return { status: response.status, body: await response.text() };
}

/** A collector thread's end of a connection. */
async function connect(control: Started['control'], name: string): Promise<MessagePort> {
  const { port1, port2 } = new MessageChannel();
  port1.on('message', ({ id }: ScrapeRequest) => {
    const value = gauge(`huatuo_bamai_${name}_value`, 'V.', [{ labels: { comm: 'a"b' }, value: 1 }]);
    port1.postMessage({ type: 'samples', id, answer: answerOf([value]) } satisfies ScrapeReply);
  });
  port1.postMessage({ type: 'ready' } satisfies ScrapeReply);
  cleanups.push(() => port1.close());
  await control.connect(name, transferPort(port2));
  return port1;
}

const collector = (name: string): string =>
  fileURLToPath(new URL(`../../src/collectors/metrics/${name}.js`, import.meta.url));

test('a page has collector threads, file collectors, the agent and the process', async () => {
  const { control } = start();
  await connect(control, 'oom');
  await control.setPool([
    {
      name: 'loadavg',
      modulePath: collector('loadavg'),
      options: {},
      maxSeries: 1000,
      contents: '',
      state: allocateState(),
    },
    {
      name: 'cpu_util',
      modulePath: collector('cpu_util'),
      options: {},
      maxSeries: 1000,
      contents: '',
      state: allocateState(),
    },
  ]);
  const { status, body } = await get(control, '/metrics');
  assert.equal(status, 200);
  assert.deepEqual(promlint(body), []);
  assert.match(body, /^huatuo_bamai_oom_value\{comm="a\\"b",region="test",host="h"\} 1$/m);
  assert.match(body, /^huatuo_bamai_loadavg_load1\{region="test",host="h"\} /m);
  assert.match(body, /^huatuo_cpu_seconds_total\{cpu="0",mode="user"\} /m);
  assert.match(body, /^huatuo_build_info\{version="1.2.3"\} 1$/m);
  assert.match(body, /^process_resident_memory_bytes \d+$/m);
  for (const name of ['oom', 'loadavg', 'cpu_util'])
    assert.match(
      body,
      new RegExp(`^huatuo_bamai_scrape_collector_success\\{collector="${name}",.*\\} 1$`, 'm'),
    );

  const only = (await get(control, '/metrics?collect[]=oom')).body;
  assert.deepEqual(promlint(only), []);
  assert.match(only, /^huatuo_bamai_oom_value/m);
  assert.doesNotMatch(only, /process_|loadavg|build_info/);
});

test('the agent’s own page has what the others leave out', async () => {
  const { control } = start();
  await connect(control, 'oom');
  const [all, own, without] = await Promise.all(
    ['/metrics', '/metrics?collect[]=agent', '/metrics?exclude[]=agent'].map(
      async (path) => (await get(control, path)).body,
    ),
  );
  assert.match(all ?? '', /^huatuo_build_info/m);
  assert.doesNotMatch(all ?? '', /huatuo_detail|huatuo_http_server/);
  assert.match(own ?? '', /^huatuo_detail 1$/m);
  assert.match(own ?? '', /^huatuo_http_server_connections \d+$/m);
  assert.doesNotMatch(own ?? '', /huatuo_bamai_oom/);
  assert.match(without ?? '', /^huatuo_bamai_oom_value/m);
  assert.doesNotMatch(without ?? '', /huatuo_build_info|process_/);
});

test('how old the newest samples of a collector are is on the page', async () => {
  const { control } = start();
  const age = async (): Promise<string | undefined> =>
    /last_success_timestamp_seconds\{collector="oom"\} ([\d.]+)/.exec(
      (await get(control, '/metrics')).body,
    )?.[1];
  const port = await connect(control, 'oom');
  const seen = await age();
  assert.ok(Math.abs(Date.now() / 1000 - Number(seen)) < 3600);
  port.close();
  await eventually('the end of its thread', async () =>
    /success\{collector="oom",[^}]*\} 0/.test((await get(control, '/metrics')).body),
  );
  const last = await age();
  assert.ok(Number(last) >= Number(seen));
  assert.equal(await age(), last);
});

test('a collector that has nothing to say has not failed', async () => {
  const { control } = start();
  const modulePath = fileURLToPath(new URL('../fixtures/metrics/quiet.js', import.meta.url));
  await control.setPool([
    { name: 'quiet', modulePath, options: {}, maxSeries: 10, contents: '', state: allocateState() },
  ]);
  const { body } = await get(control, '/metrics?collect[]=quiet');
  assert.match(body, /^huatuo_bamai_scrape_collector_success\{collector="quiet",.*\} 1$/m);
  assert.doesNotMatch(body, /quiet_level/);
});

test('collectors on the pool are listed with their last scrape', async () => {
  const { control } = start();
  const broken = {
    name: 'broken',
    modulePath: '/nonexistent.js',
    options: {},
    maxSeries: 10,
    contents: '',
    state: allocateState(),
  };
  const quiet = { ...broken, name: 'quiet', modulePath: collector('loadavg') };
  await control.setPool([quiet, broken]);
  assert.deepEqual(await control.pooled(), [{ name: 'quiet' }, { name: 'broken' }]);
  await get(control, '/metrics');
  const [good, bad] = await control.pooled();
  assert.deepEqual([good?.success, good?.error, bad?.success], [true, undefined, false]);
  assert.match(bad?.error?.message ?? '', /nonexistent/);
  await control.setPool([quiet, { ...broken, contents: 'b' }]);
  assert.deepEqual((await control.pooled())[1], { name: 'broken' });
});

test('a page is compressed for a client that asks for it', async () => {
  const { control } = start();
  const { address, port } = await control.listening();
  for (const [accepted, encoding] of [
    ['gzip', 'gzip'],
    ['zstd, gzip', 'zstd'],
    ['gzip;q=0', null],
    ['identity', null],
  ] as const) {
    const headers = { 'accept-encoding': accepted };
    const response = await fetch(`http://${address}:${port}/metrics`, { headers });
    assert.equal(response.headers.get('content-encoding'), encoding, accepted);
    assert.deepEqual(promlint(await response.text()), []);
  }
});

test('a collector whose thread ends stays visible with success 0, comes back, and can be forgotten', async () => {
  const { control } = start();
  const success = async (): Promise<string | undefined> =>
    /success\{collector="oom",[^}]*\} (\d)/.exec((await get(control, '/metrics')).body)?.[1];
  const port = await connect(control, 'oom');
  assert.equal(await success(), '1');
  port.close();
  assert.equal(await success(), '0');
  await connect(control, 'oom');
  assert.equal(await success(), '1');
  await control.forget('oom');
  assert.equal(await success(), undefined);
});

function mappedCollector(id: number): MappedCollector {
  const layout = dropsMap({ type: 'array' });
  return { name: 'mapped', id, maps: [layout], maxSeries: 10, series: allocateSeries() };
}

test('maps of a collector without a port are read here, can be selected, and are forgotten with it', async () => {
  const { control } = start();
  await control.setMapped([mappedCollector(1)]);
  const { body } = await get(control, '/metrics?collect[]=mapped');
  assert.match(body, /^test_drops_total 7$/m);
  assert.match(body, /success\{collector="mapped",[^}]*\} 1/);
  await control.setMapped([mappedCollector(2)]);
  assert.match((await get(control, '/metrics')).body, /^test_drops_total 7$/m);
  await control.forget('mapped');
  assert.doesNotMatch((await get(control, '/metrics')).body, /test_drops_total/);
});

test('refused families are counted', async () => {
  const { control } = start({
    ...SUPERVISOR,
    families: async () => answerOf([gauge('no name', 'x', [{ labels: {}, value: 1 }])]),
  });
  await get(control, '/metrics');
  const { body } = await get(control, '/metrics');
  assert.match(body, /^huatuo_scrape_refused_families_total\{collector="supervisor"\} \d+$/m);
  assert.match(body, /^huatuo_supervisor_up 0$/m);
});

test('a main thread that never answers costs only what it knows', async () => {
  const never = (): Promise<never> => new Promise(() => {});
  const silent = { ...SUPERVISOR, status: never, families: never, containers: never, readMaps: never };
  const { control } = start(silent, 0, 1000);
  await connect(control, 'oom');
  await control.setMapped([mappedCollector(1)]);
  const [healthy, ready, status, metrics] = await Promise.all(
    ['/-/healthy', '/-/ready', '/api/v1/status', '/metrics'].map((path) => get(control, path)),
  );
  assert.equal(healthy?.status, 200);
  assert.equal(ready?.status, 503);
  assert.equal(status?.status, 503);
  assert.match(status?.body ?? '', /DEADLINE_EXCEEDED/);
  assert.match(metrics?.body ?? '', /^huatuo_bamai_oom_value/m);
  assert.match(metrics?.body ?? '', /success\{collector="mapped",[^}]*\} 0/);
});

test('the list of containers is passed on', async () => {
  const { control } = start();
  assert.deepEqual(JSON.parse((await get(control, '/api/v1/containers')).body), NO_CONTAINERS);
});

test('the status document is passed on', async () => {
  const { control } = start();
  assert.deepEqual(JSON.parse((await get(control, '/api/v1/status')).body), STATUS);
  assert.equal((await get(control, '/-/ready')).status, 200);
});

test('a port in use is reported to whoever asks, and the thread stays', async () => {
  const other = createServer();
  await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
  cleanups.push(() => other.close());
  const address = other.address();
  assert.ok(address !== null && typeof address === 'object');
  const { control } = start(SUPERVISOR, address.port);
  await assert.rejects(control.listening(), { code: 'PORT_IN_USE', message: /web\.listen-address/ });
  await control.close();
});

test('the heartbeat is answered, and close frees the port', async () => {
  const { control, heartbeat } = start();
  const { port } = await control.listening();
  heartbeat.listen(0, 1);
  await eventually('an answer', () => heartbeat.silence(1) === 0);
  await control.close();
  await assert.rejects(fetch(`http://127.0.0.1:${port}/`));
});
