/** The programs that tell of cgroups (bpf/agent/cgroups.bpf.c): the supervisor loads them, the thread `containers` decodes. */
import { readFileSync } from 'node:fs';
import { at } from '../paths.ts';
import type { ObjectManifest } from '../schema/manifest.ts';

export interface CgroupsObject {
  readonly manifest: ObjectManifest;
  readonly objectPath: string;
  readonly wasmPath: string;
  readonly options: Readonly<Record<string, bigint>>;
}

/** What the build has made. The manifest lies beside the object; what of it matters is checked against that. */
export function cgroupsObject(): CgroupsObject {
  const path = (extension: string): string => at(`dist/agent/cgroups.${extension}`);
  return {
    manifest: JSON.parse(readFileSync(path('json'), 'utf8')) as ObjectManifest,
    objectPath: path('bpf.o'),
    wasmPath: path('wasm'),
    options: {},
  };
}
