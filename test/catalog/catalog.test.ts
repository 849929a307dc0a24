import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { type Catalog, loadCatalog } from '../../src/catalog/catalog.ts';
import { bpfFiles, directoryWith, moduleFile, testCatalog } from '../config/collectors.ts';

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
  assert.deepEqual(entry.optionsSchema.parse({}), { ratio: 0.9, mode: 'host' });
});

test('a module and an object of one name are one collector with the options of both', async () => {
  const body = 'options: z.object({ depth: z.int().default(3) }), enrich(event) { return event; },';
  const { entries, broken } = await catalogOf(bpfFiles('both'), moduleFile('both', body));
  assert.deepEqual(broken, []);
  assert.deepEqual(
    entries.map(({ name, source }) => [name, source]),
    [['both', 'bpf']],
  );
  assert.deepEqual(Object.keys(entries[0]?.optionsSchema.shape ?? {}), [
    'threshold',
    'sample',
    'max_events',
    'loopback',
    'depth',
  ]);
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

test('a module whose top level never finishes is given up', { timeout: 20_000 }, async () => {
  const message = await refusalOf({ 'hangs.js': 'await new Promise(() => {}); export default {};' });
  assert.match(message, /did not finish within 5 s/);
});

test('what is wrong with a collector is said', async () => {
  assert.match(await refusalOf(moduleFile('memreclaim')), /alias of memory_reclaim_events/);
  assert.match(await refusalOf(moduleFile('shape', 'start: 5,')), /start: .*function/);
  assert.match(await refusalOf(moduleFile('idle', '')), /neither start\(\) nor an event struct/);
  assert.match(
    await refusalOf(moduleFile('maps', "kind: 'metric', source: 'bpf', update() {},")),
    /BPF object for/,
  );
  assert.match(await refusalOf(bpfFiles('mute', { event: undefined } as object)), /only the maps of/);
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
  assert.match(
    await refusalOf(withOptions('z.object({ enabled: z.boolean().default(true) })')),
    /option enabled/,
  );
  assert.match(await refusalOf(withOptions('z.object({ depth: z.int() })')), /depth without a valid default/);
  assert.match(await refusalOf(withOptions('z.string()')), /z\.object/);
  assert.match(await refusalOf(withOptions('z.object({}).refine(() => true)')), /refinement over the whole/);
  const clash = moduleFile('clash', 'options: z.object({ threshold: z.int().default(1) }),');
  assert.match(await refusalOf(bpfFiles('clash'), clash), /threshold declared twice/);
});
