/** `huatuo build` of a user's directory. */
import assert from 'node:assert/strict';
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import { loadCatalog } from '../../src/catalog/load-catalog.ts';
import { at } from '../../src/paths.ts';
import { MODULE, UserDirectory } from './user-directory.ts';

test('C and TypeScript become a collector that is known without being run', async () => {
  using directory = new UserDirectory();
  const { status, printed } = directory.build();
  assert.equal(status, 0, printed);
  assert.match(
    readFileSync(join(directory.sources, 'generated/renamed.ts'), 'utf8'),
    /interface RenamedEvent/,
  );
  const catalog = await loadCatalog({ builtinRoot: '/nonexistent', extraDirectories: [directory.out] });
  assert.deepEqual(catalog.broken, []);
  const [entry] = catalog.entries;
  assert.deepEqual(
    [entry?.name, entry?.kind, Object.keys(entry?.options ?? {})],
    ['renamed', 'event', ['process', 'least']],
  );
  const mapping = JSON.parse(readFileSync(join(directory.out, 'renamed.mapping.json'), 'utf8'));
  assert.deepEqual(mapping.properties.tracer_data.properties, {
    pid: { type: 'long' },
    cpu: { type: 'long' },
    comm: { type: 'keyword' },
    load1: { type: 'double' },
  });
  const again = directory.build();
  assert.match(again.printed, /1 collectors, 0 rebuilt[\s\S]*0 rebuilt/);
});

test('an error of types is told with file, line and column, and nothing is compiled', () => {
  using directory = new UserDirectory(MODULE.replace('event.pid', 'event.pit'));
  const { status, printed } = directory.build();
  assert.equal(status, 1);
  assert.match(
    printed,
    /mine\/renamed\.ts:12:15: error TS2339: Property 'pit' does not exist on type 'RenamedEvent'/,
  );
  assert.equal(existsSync(join(directory.out, 'renamed.js')), false);
});

test('a module that is no collector fails the build', () => {
  using directory = new UserDirectory();
  directory.write('broken.ts', 'export default { kind: 1 };\n');
  const { status, printed } = directory.build();
  assert.equal(status, 1);
  assert.match(printed, /found kind: .*doc: /);
});

test('a module whose source is gone is removed from the result', () => {
  using directory = new UserDirectory();
  directory.write('other.ts', MODULE);
  directory.build();
  assert.ok(existsSync(join(directory.out, 'other.js')));
  rmSync(join(directory.sources, 'other.ts'));
  directory.build();
  assert.equal(existsSync(join(directory.out, 'other.js')), false);
  assert.ok(existsSync(join(directory.out, 'renamed.js')));
  for (const name of ['renamed.ts', 'renamed.bpf.c']) rmSync(join(directory.sources, name));
  assert.match(
    directory.build().printed,
    /warning: \S+\/mine has no \*\.bpf\.c and no \*\.ts: nothing to build/,
  );
});

test('the collectors that the README shows can be built', () => {
  const readme = readFileSync(at('README.md'), 'utf8');
  const [, c = ''] = /```c\n(\/\* mine\/long_sleep[\s\S]*?)```/.exec(readme) ?? [];
  const [, ts = ''] = /```ts\n(import [\s\S]*?longSleep[\s\S]*?)```/.exec(readme) ?? [];
  using directory = new UserDirectory();
  directory.write('long_sleep.bpf.c', c);
  directory.write('long_sleep.ts', ts);
  directory.write(
    'open_files.ts',
    /```ts\n(import [^`]*defineMetric(?:(?!```)[\s\S])*)```/.exec(readme)?.[1] ?? '',
  );
  const { status, printed } = directory.build();
  assert.equal(status, 0, printed);
  for (const name of ['long_sleep', 'open_files'])
    assert.ok(existsSync(join(directory.out, `${name}.description.json`)), name);
  assert.match(readFileSync(join(directory.out, 'long_sleep.json'), 'utf8'), /"cgroup_id"/);
});
