/** A decoder for a layout of the test's own, generated and compiled as the build does it. */
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { compileDecoder } from '../../src/build/asc.ts';
import { decoderSource } from '../../src/build/decoder-source.ts';
import { at } from '../../src/paths.ts';
import type { EventLayout } from '../../src/schema/manifest.ts';

export async function moduleFor(layout: EventLayout): Promise<WebAssembly.Module> {
  return moduleOf(decoderSource('sample', layout));
}

/** @param source imports its neighbours as a file of `wasm/decoders` does */
export async function moduleOf(source: string): Promise<WebAssembly.Module> {
  return new WebAssembly.Module(await decoderBytes(source));
}

/** The same as a `.wasm` file holds it. */
export async function decoderBytes(source: string): Promise<Uint8Array<ArrayBuffer>> {
  const directory = mkdtempSync(join(tmpdir(), 'huatuo-decoder-'));
  try {
    for (const name of readdirSync(at('wasm')).filter((file) => file.endsWith('.ts'))) {
      cpSync(at('wasm', name), join(directory, name));
    }
    mkdirSync(join(directory, 'decoders'));
    const path = join(directory, 'decoders/sample.ts');
    const out = join(directory, 'sample.wasm');
    writeFileSync(path, source);
    await compileDecoder(path, out);
    return readFileSync(out);
  } finally {
    rmSync(directory, { recursive: true });
  }
}
