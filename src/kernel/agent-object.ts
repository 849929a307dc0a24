/** BPF objects of the agent's own (bpf/agent), which no collector declares. */
import { readFileSync } from 'node:fs';
import { at } from '../paths.ts';
import type { ObjectManifest } from '../schema/manifest.ts';
import type { ObjectSource } from './object-owner.ts';

/** @param name of `bpf/agent/<name>.bpf.c` */
export function agentObject(name: string): Pick<ObjectSource, 'manifest' | 'objectPath'> {
  const manifest = JSON.parse(readFileSync(at(`dist/agent/${name}.json`), 'utf8')) as ObjectManifest;
  return { manifest, objectPath: at(`dist/agent/${name}.bpf.o`) };
}

/** A key or value of one u32, for a map. */
export function word(number: number): Uint8Array {
  return new Uint8Array(Uint32Array.of(number).buffer);
}
