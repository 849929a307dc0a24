/** Committed files are what the sources give: nobody edited them, and nobody forgot to build. */
import assert from 'node:assert/strict';
import { basename } from 'node:path';
import test from 'node:test';
import { decoderSource } from '../../src/build/decoder-source.ts';
import { filesIn, readIfThere } from '../../src/build/files.ts';
import { agentFiles, bindingFiles, schemaFiles } from '../../src/build/generated.ts';
import { ContentsReader } from '../../src/catalog/contents.ts';
import { describeModule } from '../../src/catalog/describe-module.ts';
import { loadCatalog } from '../../src/catalog/load-catalog.ts';
import { at } from '../../src/paths.ts';
import { manifestOf } from './compiled.ts';

const manifests = await Promise.all(filesIn(at('bpf'), '.bpf.c').map(manifestOf));
const { entries } = await loadCatalog({ builtinRoot: at('dist'), extraDirectories: [] });
const described = entries.flatMap(({ name, modulePath }) => (modulePath ? [{ name, modulePath }] : []));
const descriptions = new Map(
  await Promise.all(
    described.map(
      async ({ name, modulePath }) => [name, await describeModule(modulePath, new ContentsReader())] as const,
    ),
  ),
);
const expected = new Map([
  ...bindingFiles(manifests),
  ...agentFiles(at('dist/agent')),
  ...schemaFiles(manifests, descriptions),
]);
for (const { collector, event } of manifests) {
  if (event) expected.set(`wasm/decoders/${collector}.ts`, decoderSource(collector, event));
}

for (const [path, text] of expected) {
  test(`${path} is what its source gives; npm run build writes it`, () => {
    assert.equal(readIfThere(at(path)), text);
  });
}

test('no generated file is left of a source that is gone', () => {
  const committed = ['src/generated', 'wasm/decoders'].flatMap((directory) =>
    filesIn(at(directory), '.ts', '.json').map((file) => `${directory}/${basename(file)}`),
  );
  assert.deepEqual(
    committed.filter((path) => !expected.has(path)),
    [],
  );
});
