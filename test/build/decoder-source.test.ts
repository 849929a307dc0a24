import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'node:test';
import { compileDecoder } from '../../src/build/asc.ts';
import { decoderSource } from '../../src/build/decoder-source.ts';
import { at } from '../../src/paths.ts';
import { EVERY_FORMAT, layoutOf } from '../support/decoder-layouts.ts';
import { moduleFor, moduleOf } from '../support/decoder-module.ts';
import { assertGolden } from './golden.ts';

test('the source of a decoder with every format', () => {
  assertGolden(at('test/fixtures/decoder/every_format.as'), decoderSource('every_format', EVERY_FORMAT));
});

test('a decoder compiles to a module that wants nothing but its memory', async () => {
  const imports = WebAssembly.Module.imports(await moduleFor(EVERY_FORMAT));
  assert.deepEqual(
    imports.map(({ module, name }) => `${module}.${name}`),
    ['env.memory'],
  );
});

test('an event without fields beside its time has empty tracer_data', () => {
  const source = decoderSource('bare', layoutOf([{ name: 'time', format: 'ktime_ns', bytes: 8 }]));
  assert.match(source, /',"tracer_data":\{\}\}\\n'/);
});

test('an enumerator that is not plain ASCII is refused', () => {
  const layout = layoutOf([
    { name: 'time', format: 'ktime_ns', bytes: 8 },
    { name: 'state', format: 'enum', bytes: 4, enumerators: { 0: 'BEREIT_Ü' } },
  ]);
  assert.throws(() => decoderSource('sample', layout), { code: 'BUILD_FAILED', message: /BEREIT_Ü/ });
});

test('a source with an error is refused with the words of the compiler', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'huatuo-decoder-'));
  try {
    const path = join(directory, 'broken.ts');
    writeFileSync(path, 'export const n: u32 = missing;\n');
    await assert.rejects(compileDecoder(path, join(directory, 'broken.wasm')), {
      code: 'BUILD_FAILED',
      message: /Cannot find name 'missing'/,
    });
  } finally {
    rmSync(directory, { recursive: true });
  }
});

test('literals that would reach into the mapped ring are refused', async () => {
  const source = `export const STATIC_END: usize = __heap_base;
export const text: string = '${'x'.repeat(40_000)}';
`;
  await assert.rejects(moduleOf(source), { code: 'BUILD_FAILED', message: /static data up to byte/ });
});

test('a module that imports a function is refused', async () => {
  const source = `declare function now(): u64;
export const STATIC_END: usize = __heap_base;
export function decode(): u64 { return now(); }
`;
  await assert.rejects(moduleOf(source), { code: 'BUILD_FAILED', message: /imports/ });
});
