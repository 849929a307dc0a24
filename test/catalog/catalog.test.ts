import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { Catalog } from '../../src/catalog/catalog.ts';
import { ContentsReader } from '../../src/catalog/contents.ts';
import { DESCRIPTION_FORMAT } from '../../src/catalog/description.ts';
import { loadCatalog } from '../../src/catalog/load-catalog.ts';
import type { ObjectManifest } from '../../src/schema/manifest.ts';
import { bpfFiles, directoryWith, manifest, moduleFile, testCatalog } from '../config/collectors.ts';
import { dropsMap } from '../support/drops-map.ts';

async function catalogOf(...sets: Record<string, string>[]): Promise<Catalog> {
  using directory = directoryWith(Object.assign({}, ...sets));
  return await loadCatalog({ builtinRoot: '/nonexistent', extraDirectories: [directory.path] });
}

async function refusalOf(...sets: Record<string, string>[]): Promise<string> {
  const { entries, broken } = await catalogOf(...sets);
  assert.deepEqual(entries, []);
  assert.equal(broken.length, 1);
  assert.equal(broken[0]?.error.code, 'COLLECTOR_INVALID');
  return broken[0].error.message;
}

test('a BPF object with an event struct is a collector by itself', async () => {
  const entry = (await testCatalog()).find('net_rx_latency');
  assert.equal(entry?.kind, 'event');
  assert.equal(entry.source, 'bpf');
  assert.equal(entry.modulePath, undefined);
  assert.match(entry.objectPath ?? '', /net_rx_latency\.bpf\.o$/);
  assert.match(entry.wasmPath ?? '', /net_rx_latency\.wasm$/);
  assert.deepEqual([entry.interval, entry.maxSeries, entry.enabledByDefault], [10, 10_000, true]);
});

test('a module brings kind, description and options', async () => {
  const entry = (await testCatalog()).find('busy');
  assert.equal(entry?.kind, 'autotracing');
  assert.equal(entry.source, 'files');
  assert.deepEqual([entry.interval, entry.enabledByDefault], [30, false]);
  assert.deepEqual(
    Object.entries(entry.options).map(([key, { type, default: byDefault }]) => [key, type, byDefault]),
    [
      ['ratio', 'number', 0.9],
      ['mode', 'choice', 'host'],
    ],
  );
});

test('a module and an object of one name are one collector with the options of both', async () => {
  const body = "options: { depth: count(3, 'How deep') }, enrich(event) { return event; },";
  const { entries, broken } = await catalogOf(bpfFiles('both'), moduleFile('both', body));
  assert.deepEqual(broken, []);
  assert.deepEqual(
    entries.map(({ name, source }) => [name, source]),
    [['both', 'bpf']],
  );
  assert.deepEqual(Object.keys(entries[0]?.options ?? {}), [
    'threshold',
    'sample',
    'max_events',
    'loopback',
    'depth',
  ]);
});

test('maps are read by the thread that makes the page, unless they are large; its own thread is asked for what else there is', async () => {
  const maps = (maxEntries: number): ObjectManifest['maps'] => [dropsMap({ maxEntries })];
  const { entries, broken } = await catalogOf(
    bpfFiles('alone', { maps: maps(1 << 16) }),
    bpfFiles('large', { maps: maps((1 << 16) + 1) }),
    bpfFiles('enriches', { maps: maps(1) }),
    moduleFile('enriches', 'enrich() {},'),
    bpfFiles('updates', { maps: maps(1) }),
    moduleFile('updates', 'update() {},'),
  );
  assert.deepEqual(broken, []);
  const names = (is: 'isMapped' | 'isScraped'): string[] =>
    entries.filter((entry) => entry[is]).map(({ name }) => name);
  assert.deepEqual(names('isMapped'), ['alone', 'enriches', 'updates']);
  assert.deepEqual(names('isScraped'), ['large', 'updates']);
});

test('a thread that has nothing to do before the first record starts with that, unless it would come too late', async () => {
  const { entries, broken } = await catalogOf(
    bpfFiles('alone'),
    bpfFiles('described'),
    moduleFile('described', "kind: 'event',"),
    bpfFiles('enriches'),
    moduleFile('enriches', "kind: 'event', enrich() {},"),
    bpfFiles('prepares'),
    moduleFile('prepares', "kind: 'event', prepare() {},"),
    bpfFiles('updates'),
    moduleFile('updates', "kind: 'event', update() {},"),
    bpfFiles('critical', { event: { ...manifest('critical').event!, severity: 'critical' } }),
  );
  assert.deepEqual(broken, []);
  assert.deepEqual(
    entries.filter(({ startsWithRecord }) => startsWithRecord).map(({ name }) => name),
    ['alone', 'described'],
  );
});

test('built-in collectors are put together from the directories of the build', async () => {
  using root = directoryWith({});
  for (const directory of ['bpf', 'wasm', 'src/collectors/events', 'src/collectors/metrics']) {
    mkdirSync(join(root.path, directory), { recursive: true });
  }
  const files = bpfFiles('oom');
  for (const name of ['oom.bpf.o', 'oom.json'])
    writeFileSync(join(root.path, 'bpf', name), files[name] ?? '');
  writeFileSync(join(root.path, 'wasm/oom.wasm'), '');
  const [text] = Object.values(moduleFile('any'));
  writeFileSync(join(root.path, 'src/collectors/events/oom.js'), text ?? '');
  writeFileSync(join(root.path, 'src/collectors/events/a-helper.js'), 'export const helper = 1;');
  const { entries, broken } = await loadCatalog({ builtinRoot: root.path, extraDirectories: [] });
  assert.deepEqual(broken, []);
  assert.deepEqual(
    entries.map(({ name, source, modulePath }) => [name, source, modulePath !== undefined]),
    [['oom', 'bpf', true]],
  );
});

test('names that users know find the collector', async () => {
  const catalog = await testCatalog();
  assert.equal(catalog.find('netrecvlat'), catalog.find('net_rx_latency'));
  assert.deepEqual(catalog.find('net_rx_latency')?.aliases, ['netrecvlat']);
  assert.equal(catalog.find('memreclaim'), undefined);
  assert.equal(catalog.find('constructor'), undefined);
});

test('a broken collector does not hide the others', async () => {
  const { entries, broken } = await catalogOf(
    moduleFile('good'),
    { 'throws.js': "throw new Error('on purpose');", 'syntax.js': 'export default {', 'empty.js': '' },
    { 'Bad-Name.js': 'export default {};', 'lost.bpf.o': '' },
  );
  assert.deepEqual(
    entries.map(({ name }) => name),
    ['good'],
  );
  assert.deepEqual(
    broken.map(({ name, error }) => [name, error.code]),
    ['Bad-Name', 'empty', 'lost', 'syntax', 'throws'].map((name) => [name, 'COLLECTOR_INVALID']),
  );
});

test('of two collectors with one name the first is used', async () => {
  using first = directoryWith(moduleFile('twice'));
  using second = directoryWith(moduleFile('twice'));
  const catalog = await loadCatalog({
    builtinRoot: '/nonexistent',
    extraDirectories: [first.path, second.path],
  });
  assert.equal(catalog.find('twice')?.modulePath, join(first.path, 'twice.js'));
  assert.match(
    catalog.broken[0]?.error.message ?? '',
    /expected one collector named twice, found .* which is used/,
  );
});

test('a directory that cannot be read is reported with its reason', async () => {
  const catalog = await loadCatalog({ builtinRoot: '/nonexistent', extraDirectories: ['/nonexistent/too'] });
  assert.match(catalog.unreadable.get('/nonexistent/too') ?? '', /ENOENT/);
});

for (const [what, top, found] of [
  ['awaits what never comes', 'await new Promise(() => {});', /awaits what never comes/],
  ['awaits with a clock running', 'setInterval(() => {}, 9); await new Promise(() => {});', /within 5 s/],
  ['loops for ever', 'while (true);', /did not finish within 5 s/],
  ['throws', "throw new Error('on purpose');", /on purpose/],
  [
    'throws later',
    "setTimeout(() => { throw new Error('on purpose'); }); await new Promise(() => {});",
    /on purpose/,
  ],
  ['ends the process', 'process.exit(0);', /ended the thread with code 0/],
  ['takes all memory', 'const all = []; for (;;) all.push(new Array(1e6).fill(0.5));', /memory/],
] as const) {
  test(`a module whose top level ${what} costs that collector only`, { timeout: 30_000 }, async () => {
    const { entries, broken } = await catalogOf(moduleFile('good'), {
      'bad.js': `${top} export default {};`,
    });
    assert.deepEqual(
      entries.map(({ name }) => name),
      ['good'],
    );
    assert.equal(broken[0]?.error.code, 'COLLECTOR_INVALID');
    assert.match(broken[0].error.message, found);
  });
}

test('a module that is described beside it is not run, until it or what it imports changes', async () => {
  using directory = directoryWith({
    'quiet.js': "import './helper.mjs'; throw new Error('it ran');",
    'helper.mjs': 'export {};',
  });
  const path = join(directory.path, 'quiet.js');
  const load = () => loadCatalog({ builtinRoot: '/nonexistent', extraDirectories: [directory.path] });
  const description = { kind: 'autotracing', doc: 'Known without being run', hooks: { start: 'function' } };
  const stored = {
    format: DESCRIPTION_FORMAT,
    contents: new ContentsReader().module(path),
    description,
  };
  writeFileSync(join(directory.path, 'quiet.description.json'), JSON.stringify(stored));
  const known = (await load()).find('quiet');
  assert.equal(known?.doc, 'Known without being run');
  writeFileSync(join(directory.path, 'helper.mjs'), 'export {}; // another one');
  assert.match((await load()).broken[0]?.error.message ?? '', /it ran/);
});

test('contents tell a rebuilt collector from the one that was there before', async () => {
  using directory = directoryWith({ ...bpfFiles('built'), ...moduleFile('built') });
  const contents = async (): Promise<string | undefined> =>
    (await loadCatalog({ builtinRoot: '/nonexistent', extraDirectories: [directory.path] })).find('built')
      ?.contents;
  const first = await contents();
  assert.equal(await contents(), first);
  const seen = new Set([first]);
  for (const file of ['built.bpf.o', 'built.wasm']) {
    writeFileSync(join(directory.path, file), 'rebuilt');
    seen.add(await contents());
  }
  const [text = ''] = Object.values(moduleFile('built', "async start() { return 'more'; },"));
  writeFileSync(join(directory.path, 'built.js'), text);
  seen.add(await contents());
  assert.equal(seen.size, 4);
});

test('what is wrong with a collector is said', async () => {
  assert.match(await refusalOf(moduleFile('memreclaim')), /alias of memory_reclaim_events/);
  assert.match(await refusalOf(moduleFile('shape', 'start: 5,')), /start: .*function/);
  assert.match(
    await refusalOf(moduleFile('idle', '')),
    /neither start\(\) nor trigger\(\) nor an event struct/,
  );
  assert.match(await refusalOf(moduleFile('mute', "kind: 'metric',")), /update: .*function/);
  assert.match(await refusalOf(bpfFiles('maps', { event: undefined } as object)), /only the maps of/);
  assert.match(await refusalOf(bpfFiles('other', { collector: 'else' })), /that of else/);
  assert.match(
    await refusalOf({ ...bpfFiles('garbage'), 'garbage.json': '{"collector": 1}' }),
    /collector: /,
  );
  const { 'nowasm.wasm': _, ...withoutDecoder } = bpfFiles('nowasm');
  assert.match(await refusalOf(withoutDecoder), /expected the decoder of its events/);
});

test('options that would not make one config section are refused', async () => {
  const withOptions = (options: string) => moduleFile('opts', `async start() {}, options: ${options},`);
  assert.match(await refusalOf(withOptions("{ enabled: count(1, 'x') }")), /option enabled/);
  assert.match(await refusalOf(withOptions("{ depth: count(-1, 'x') }")), /depth without a valid default/);
  assert.match(await refusalOf(withOptions("{ depth: count(1, '') }")), /depth without a doc/);
  assert.match(
    await refusalOf(withOptions("{ depth: number(3, 'x', { max: 2 }) }")),
    /depth without a valid/,
  );
  assert.match(await refusalOf(withOptions("{ 'Depth-1': count(1, 'x') }")), /Depth-1/);
  assert.match(
    await refusalOf(withOptions("{ depth: { type: 'zod' } }")),
    /options\.depth: expected what duration/,
  );
  assert.match(await refusalOf(withOptions("'depth'")), /options: /);
  const clash = moduleFile('clash', "options: { threshold: count(1, 'x') },");
  assert.match(await refusalOf(bpfFiles('clash'), clash), /threshold declared twice/);
});

test('code that others may change is not run: its directory is refused, and says which file and why', async () => {
  using directory = directoryWith(moduleFile('shared', 'async start() {},'));
  const file = join(directory.path, 'shared.js');
  chmodSync(file, 0o666);
  const { entries, unreadable } = await loadCatalog({
    builtinRoot: '/nonexistent',
    extraDirectories: [directory.path],
  });
  assert.deepEqual(entries, []);
  assert.match(unreadable.get(directory.path) ?? '', /shared\.js may be written by everyone: chown root/);
});
