import assert from 'node:assert/strict';
import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import { loadCatalog } from '../../src/catalog/load-catalog.ts';
import { ConfigError } from '../../src/config/issues.ts';
import { collectorDirectories, loadConfig, type Override } from '../../src/config/load.ts';
import { HuatuoError } from '../../src/error.ts';
import { directoryWith, FIXTURES, moduleFile, testCatalog } from './collectors.ts';
import { matchesGolden } from './golden.ts';

const catalog = await testCatalog();

function load(text: string, overrides: readonly Override[] = [], disableDefaults = false) {
  using directory = directoryWith({ 'huatuo.yaml': text });
  return loadConfig({ file: join(directory.path, 'huatuo.yaml'), overrides, catalog, disableDefaults });
}

function failure(run: () => unknown): HuatuoError {
  try {
    run();
  } catch (error) {
    if (error instanceof HuatuoError) return error;
    throw error;
  }
  throw new assert.AssertionError({ message: 'accepted' });
}

for (const name of readdirSync(FIXTURES).filter((file) => file.endsWith('.conf'))) {
  test(`${name} is refused with every fault and its place`, () => {
    const error = failure(() => loadConfig({ file: join(FIXTURES, name), overrides: [], catalog }));
    assert.equal(error.code, 'CONFIG_INVALID');
    matchesGolden(
      join(FIXTURES, name.replace('.conf', '.txt')),
      `${error.message.replaceAll(FIXTURES, '')}\n`,
    );
  });
}

test('a fault can be read by programs', () => {
  const error = failure(() => load('log:\n  level: loud\n'));
  assert.ok(error instanceof ConfigError);
  const [{ source: _, ...issue } = {}] = error.issues;
  const expected = 'debug, info, warn or error';
  assert.deepEqual(issue, { line: 2, column: 10, path: 'log.level', found: '"loud"', expected });
});

test('of very many faults the first fifty are shown and the rest counted', () => {
  const error = failure(() => load(Array.from({ length: 80 }, (_, index) => `key${index}: 1\n`).join('')));
  assert.ok(error instanceof ConfigError);
  assert.equal(error.issues.length, 50);
  assert.match(error.message, /^80 problems(.|\n)*\nand 30 more\n/);
});

test('a file that is missing or no file is unreadable', () => {
  for (const file of ['/nonexistent/huatuo.yaml', FIXTURES]) {
    const error = failure(() => loadConfig({ file, overrides: [], catalog }));
    assert.equal(error.code, 'CONFIG_UNREADABLE');
    assert.match(
      error.message,
      /expected a readable configuration file, found E\w+: .*; name another with --config\.file/,
    );
  }
});

test('a file above one MiB is refused without being parsed', () => {
  assert.match(failure(() => load('#'.repeat((1 << 20) + 1))).message, /more than 1 MiB/);
  assert.match(
    failure(() => loadConfig({ file: '/dev/zero', overrides: [], catalog })).message,
    /more than 1 MiB/,
  );
});

test('nesting without end is refused', () => {
  assert.equal(failure(() => load('['.repeat(100_000))).code, 'CONFIG_INVALID');
  assert.equal(
    failure(() => load(`region: ${'{a: '.repeat(20_000)}1${'}'.repeat(20_000)}`)).code,
    'CONFIG_INVALID',
  );
});

test('nothing but CONFIG_INVALID comes of a random text', () => {
  const word = fc.constantFrom(
    ...[
      'region',
      'log',
      'level',
      'collectors',
      'busy',
      'cpu',
      'netrecvlat',
      '__proto__',
      'constructor',
      'path',
    ],
    ...[
      '15s',
      '64MiB',
      '-',
      '&a',
      '*a',
      '!!set',
      '|',
      '>',
      '"',
      "'",
      '{',
      '}',
      '[',
      ']',
      '? ',
      '<<',
      '#',
      '%YAML',
      '---',
    ],
  );
  const glue = fc.constantFrom(': ', ':\n  ', '\n', '\n    ', ' ', ', ', '\t', '\0', '\u2028', ':');
  const yaml = fc.array(fc.oneof(word, glue, fc.string({ maxLength: 5 })), { maxLength: 25 });
  using directory = directoryWith({});
  const file = join(directory.path, 'huatuo.yaml');
  const source = fc.oneof(
    yaml.map((parts) => Buffer.from(parts.join(''))),
    fc.uint8Array({ maxLength: 60 }),
  );
  fc.assert(
    fc.property(source, (bytes) => {
      try {
        writeFileSync(file, bytes);
        loadConfig({ file, overrides: [], catalog });
      } catch (error) {
        assert.ok(error instanceof ConfigError, String(error));
      }
    }),
    { numRuns: 10_000 },
  );
});

test('without a file and flags everything is default', () => {
  const { config, settings } = loadConfig({ overrides: [], catalog });
  assert.deepEqual(config, {
    region: 'default',
    hostname: '',
    log: { level: 'info', format: 'auto' },
    web: { host: '127.0.0.1', port: 19704, hosts: [], scrape_timeout_ms: 2000, config_file: '' },
    reload: { socket: '', access: 'user' },
    path: { procfs: '/proc', sysfs: '/sys', collectors: [] },
    journal: {
      directory: '/var/lib/huatuo/journal',
      segment_bytes: 64 * 2 ** 20,
      segments: 10,
      total_bytes: 2 * 2 ** 30,
      fsync_interval_ms: 1000,
      compression: 'sealed',
    },
    supervisor: {
      restarts: 5,
      restart_window_ms: 60_000,
      backoff_min_ms: 100,
      backoff_max_ms: 30_000,
      failed_retry_ms: 300_000,
      heartbeat_timeout_ms: 5000,
      start_timeout_ms: 60_000,
      stop_timeout_ms: 5000,
      memory_limit_bytes: 2 ** 29,
    },
    bpf: { pin: false, pin_directory: '/sys/fs/bpf/huatuo', stats: false },
    ring: { wakeup_age_ms: 100, batch_bytes: 2 ** 20, batches_in_flight: 4 },
    containers: {
      wait_ms: 1000,
      keep_gone_ms: 300_000,
      labels: [],
      refresh_ms: 30_000,
      timeout_ms: 2000,
      docker: ['/run/docker.sock'],
      podman: ['/run/podman/podman.sock'],
      cri: [
        '/run/containerd/containerd.sock',
        '/run/crio/crio.sock',
        '/run/k3s/containerd/containerd.sock',
        '/run/k0s/containerd.sock',
        '/var/snap/microk8s/common/run/containerd.sock',
      ],
      oci: ['/run', '/run/k3s', '/run/k0s', '/var/snap/microk8s/common/run'],
      units: {
        enabled: true,
        include: '.*\\.service',
        exclude: '[0-9a-f]{64}.*|run-.*|.+@\\d+-(.+:.+|\\d+-\\d+)\\.service',
        max: 256,
      },
      kubelet: undefined,
    },
    elasticsearch: {
      hosts: [],
      namespace: 'default',
      layout: 'data_stream',
      setup: true,
      alias: 'huatuo_bamai',
      retention_days: 0,
      credentials: {
        username: '',
        passwordFile: '',
        apiKeyFile: '',
        ca: '',
        clientCertificate: '',
        clientKey: '',
        verify: true,
      },
      compress: true,
      bulk_bytes: 4_194_304,
      bulk_documents: 5000,
      flush_ms: 1000,
      concurrency: 4,
      timeout_ms: 60_000,
      dead_letter_bytes: 67_108_864,
    },
    collectors: {
      busy: {
        enabled: false,
        cpu: { affinity: [], nice: 0, quota_cores: undefined },
        options: { ratio: 0.9, mode: 'host' },
      },
      net_rx_latency: {
        enabled: true,
        cpu: { affinity: [], nice: 0, quota_cores: undefined },
        options: { threshold_ns: 10_000_000, sample_bytes: 65_536, max_events: 100, loopback: false },
      },
    },
  });
  assert.deepEqual(new Set(settings.map(({ origin }) => origin)), new Set(['default']));
});

test('an empty file and sections with nothing in them are the defaults', () => {
  const { config } = loadConfig({ overrides: [], catalog });
  assert.deepEqual(load('').config, config);
  assert.deepEqual(load('# nothing\n').config, config);
  assert.deepEqual(load('journal:\ncollectors:\n').config, config);
  assert.deepEqual(load('log:\n  # level: debug\ncollectors:\n  netrecvlat:\n    cpu:\n').config, config);
});

test('a flag wins over the file, the file over the default, and each value knows its origin', () => {
  const overrides = [{ path: ['log', 'level'], value: 'error', flag: '--log.level' }];
  const { config, settings } = load('region: eu\nlog:\n  level: debug\n  format: json\n', overrides);
  assert.deepEqual(config.log, { level: 'error', format: 'json' });
  const origins = Object.fromEntries(settings.map(({ path, origin }) => [path.join('.'), origin]));
  assert.equal(origins['log.level'], 'flag');
  assert.equal(origins['log.format'], 'file');
  assert.equal(origins.region, 'file');
  assert.equal(origins['web.listen_address'], 'default');
});

test('a wrong flag is named instead of a place in the file', () => {
  const overrides = [{ path: ['log', 'level'], value: 'loud', flag: '--log.level' }];
  const error = failure(() => load('log:\n  level: debug\n', overrides));
  assert.match(error.message, /\n--log\.level: found "loud", expected debug, info, warn or error\n/);
});

test('collectors are configured under the names that users know', () => {
  const { config } = load('collectors:\n  netrecvlat:\n    enabled: false\n    threshold: 3ms\n');
  assert.equal(config.collectors.net_rx_latency?.enabled, false);
  assert.equal(config.collectors.net_rx_latency?.options.threshold_ns, 3_000_000);
  assert.ok(!Object.hasOwn(config.collectors, 'netrecvlat'));
});

test('with the defaults disabled only what file or flags name is enabled', () => {
  const enabled = (text: string, overrides: readonly Override[]) => {
    const { collectors } = load(text, overrides, true).config;
    return Object.keys(collectors).filter((name) => collectors[name]?.enabled);
  };
  const busyOn = { path: ['collectors', 'busy', 'enabled'], value: true, flag: '--collector.busy' };
  assert.deepEqual(enabled('', []), []);
  assert.deepEqual(enabled('collectors: {netrecvlat: {enabled: true}}', []), ['net_rx_latency']);
  assert.deepEqual(enabled('', [busyOn]), ['busy']);
});

test('a CPU quota is a share of one CPU or a number of CPUs', () => {
  const quota = (text: string) =>
    load(`collectors: {busy: {cpu: {quota: ${text}, affinity: [0, 2]}}}`).config.collectors.busy?.cpu;
  assert.deepEqual(quota('50%'), { affinity: [0, 2], nice: 0, quota_cores: 0.5 });
  assert.equal(quota('1.5')?.quota_cores, 1.5);
  assert.equal(quota('none')?.quota_cores, undefined);
  for (const wrong of ['0', '0%', '-1', '"2"', '.inf', '.nan'])
    assert.throws(() => quota(wrong), ConfigError, wrong);
});

const SLOW = `
  options: {
    deadline: duration('30s', 'All of it'),
    profile: duration('10s', 'A part of it', { max: '60s', within: { key: 'deadline', share: 0.75 } }),
  },
  async start() {},`;

test('a duration that does not fit into another one is refused, whichever was set; the fault names both', async () => {
  using directory = directoryWith(moduleFile('slow', SLOW));
  const slow = await loadCatalog({ builtinRoot: '/nonexistent', extraDirectories: [directory.path] });
  assert.deepEqual(slow.broken, []);
  const check = (options: string) => {
    writeFileSync(join(directory.path, 'c.yaml'), `collectors: {slow: {${options}}}`);
    return loadConfig({ file: join(directory.path, 'c.yaml'), overrides: [], catalog: slow });
  };
  for (const [options, found] of [
    [
      'profile: 20s, deadline: 8s',
      /slow\.profile: found "20s", expected profile of at most 6s: 75 % of deadline, which is 8s/,
    ],
    ['deadline: 8s', /found "10s", expected profile of at most 6s: 75 % of deadline/],
    ['profile: 23s', /found "23s", expected profile of at most 22500ms: 75 % of deadline, which is 30s/],
  ] as const)
    assert.match(failure(() => check(options)).message, found);
  const { config } = check('profile: 6s, deadline: 8s');
  assert.deepEqual(config.collectors.slow?.options, { profile: 6, deadline: 8 });
});

test('a duration within one that is not there is a fault of the collector', async () => {
  using directory = directoryWith(moduleFile('slow', SLOW.replace("key: 'deadline'", "key: 'deadlin'")));
  const { broken } = await loadCatalog({ builtinRoot: '/nonexistent', extraDirectories: [directory.path] });
  assert.match(broken[0]?.error.message ?? '', /another duration of the collector/);
});

test('a collector that runs on the shared pool has no CPU fence to configure', async () => {
  using directory = directoryWith(moduleFile('pooled', "kind: 'metric', source: 'files', update() {},"));
  const found = await loadCatalog({ builtinRoot: '/nonexistent', extraDirectories: [directory.path] });
  assert.deepEqual(loadConfig({ overrides: [], catalog: found }).config.collectors.pooled, {
    enabled: true,
    cpu: { affinity: [], nice: 0, quota_cores: undefined },
    options: {},
  });
  const override = { path: ['collectors', 'pooled', 'cpu', 'nice'], value: 5, flag: '--x' };
  assert.throws(() => loadConfig({ overrides: [override], catalog: found }), ConfigError);
});

test('addresses to listen on', () => {
  const web = (address: string) => {
    const { host, port } = load(`web: {listen_address: "${address}"}`).config.web;
    return [host, port];
  };
  assert.deepEqual(web(':9100'), ['::', 9100]);
  assert.deepEqual(web('[::1]:0'), ['::1', 0]);
  assert.deepEqual(web('node-1.example:80'), ['node-1.example', 80]);
  assert.deepEqual(web('10.0.0.1:80'), ['10.0.0.1', 80]);
  for (const wrong of [
    '',
    '80',
    'a:b',
    '::1:80',
    'host:65536',
    'a b:1',
    '256.1.1.1:80',
    '1.2.3:80',
    '[::g]:80',
  ])
    assert.throws(() => web(wrong), ConfigError);
});

test('directories of collectors are known before anything is checked', () => {
  using directory = directoryWith({
    'good.yaml': 'path: {collectors: [/a//b, relative, 5]}\nunknown: 1\n',
    'broken.yaml': 'path: [',
  });
  assert.deepEqual(collectorDirectories(join(directory.path, 'good.yaml')), ['/a/b']);
  assert.deepEqual(collectorDirectories(join(directory.path, 'broken.yaml')), []);
  assert.deepEqual(collectorDirectories('/nonexistent'), []);
});

test('a directory of collectors that cannot be read is a fault with a place', async () => {
  const missing = '/nonexistent/collectors';
  const found = await loadCatalog({ builtinRoot: '/nonexistent', extraDirectories: [missing] });
  using directory = directoryWith({ 'huatuo.yaml': `path:\n  collectors:\n    - ${missing}\n` });
  const file = join(directory.path, 'huatuo.yaml');
  const error = failure(() => loadConfig({ file, overrides: [], catalog: found }));
  assert.match(
    error.message,
    /:3:7: path\.collectors\[0\]: found "\/nonexistent\/collectors", expected a readable.*ENOENT/,
  );
});

test('the section of a broken collector is accepted, whatever is in it', async () => {
  using directory = directoryWith({
    'broken.js': 'throw 1;',
    'huatuo.yaml': 'collectors: {broken: {a: [1]}}',
  });
  const found = await loadCatalog({ builtinRoot: '/nonexistent', extraDirectories: [directory.path] });
  const { config } = loadConfig({ file: join(directory.path, 'huatuo.yaml'), overrides: [], catalog: found });
  assert.deepEqual(config.collectors, {});
});
