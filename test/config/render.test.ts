import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { loadCatalog } from '../../src/catalog/load-catalog.ts';
import { settingsOf } from '../../src/config/describe.ts';
import { loadConfig } from '../../src/config/load.ts';
import { renderDefault, renderEffective } from '../../src/config/render.ts';
import { configSchema } from '../../src/config/schema.ts';
import { directoryWith, FIXTURES, testCatalog } from './collectors.ts';
import { matchesGolden } from './golden.ts';

const catalog = await testCatalog();
const defaults = loadConfig({ overrides: [], catalog });

function reload(text: string) {
  using directory = directoryWith({ 'huatuo.yaml': text });
  return loadConfig({ file: join(directory.path, 'huatuo.yaml'), overrides: [], catalog });
}

test('the default file explains every key', () => {
  matchesGolden(join(FIXTURES, 'default.golden'), renderDefault(catalog));
});

test('the default file is valid and means the defaults', () => {
  assert.deepEqual(reload(renderDefault(catalog)).config, defaults.config);
});

test('each # of the default file can be taken away, and nothing changes', () => {
  const lines = renderDefault(catalog).split('\n');
  const commented = lines.filter((line) => /^ *#\w/.test(line));
  assert.equal(commented.length, settingsOf(configSchema(catalog).node).length);
  const active = reload(lines.map((line) => line.replace(/^( *)#(?=\w)/, '$1')).join('\n'));
  assert.deepEqual(active.config, defaults.config);
  assert.ok(active.settings.every(({ origin }) => origin === 'file'));
});

test('what is in force is printed as a file that means the same, with origins', () => {
  const text = renderEffective(
    reload('region: "a: #b"\ncollectors: {busy: {cpu: {affinity: [1, 2]}, mode: container}}'),
  );
  assert.match(text, /^region: "a: #b" # file$/m);
  assert.match(text, /^ {6}affinity: \[ 1, 2 \] # file$/m);
  assert.match(text, /^ {2}level: info # default$/m);
  const again = reload(text).config;
  assert.equal(again.region, 'a: #b');
  assert.equal(again.collectors.busy?.options.mode, 'container');
});

test('every key has a description and says what is allowed', () => {
  for (const { path, node } of settingsOf(configSchema(catalog).node)) {
    assert.ok(node.description, path.join('.'));
    assert.notEqual(node.default, undefined, path.join('.'));
  }
});

test('the committed default file is that of the built-in collectors', async () => {
  const builtinRoot = new URL('../..', import.meta.url).pathname;
  const builtin = await loadCatalog({ builtinRoot, extraDirectories: [] });
  assert.deepEqual(builtin.broken, []);
  matchesGolden(new URL('../../../src/config/huatuo.yaml', import.meta.url).pathname, renderDefault(builtin));
});
