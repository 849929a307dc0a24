/** Fixtures, compiled. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { compileFlags, compileObject, requireClang } from '../../src/build/clang.ts';
import { at } from '../../src/paths.ts';
import type { ObjectManifest } from '../../src/schema/manifest.ts';
import { readManifest } from '../../src/schema/read-manifest.ts';

/** Bytes of the object of one source. */
export async function compiled(source: string): Promise<Buffer> {
  return (await compileObject(await requireClang(), compileFlags(at('bpf/include')), source)).object;
}

export async function manifestOf(source: string): Promise<ObjectManifest> {
  const collector = basename(source, '.bpf.c');
  return readManifest(await compiled(source), collector, `bpf/${collector}.bpf.c`);
}

export function temporaryDirectory(): Disposable & { readonly path: string } {
  const path = mkdtempSync(join(tmpdir(), 'huatuo-build-'));
  return { path, [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }) };
}
