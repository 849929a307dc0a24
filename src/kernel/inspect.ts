/** What this kernel makes of an object, without attaching anything: for `huatuo list`. */
import { readFileSync } from 'node:fs';
import { HuatuoError } from '../error.ts';
import { lacksOf, probeHost } from './features.ts';
import { KernelObject } from './object.ts';
import type { ObjectSource } from './object-owner.ts';
import { ProgramChoice, type ProgramStatus } from './programs.ts';

interface Inspection {
  /** Why the collector cannot run here. */
  readonly error?: HuatuoError;
  /** What is known of each program. */
  readonly programs: readonly ProgramStatus[];
}

/**
 * Loads the object, because only libbpf and the verifier know what they refuse, and unloads it.
 * @param source its pins are left alone
 */
export async function inspect({ manifest, objectPath, options, paths }: ObjectSource): Promise<Inspection> {
  const lacking = probeHost(paths);
  if (lacking) return { error: lacking, programs: [] };
  const choice = new ProgramChoice(manifest.attachPoints, lacksOf(paths));
  if (choice.error) return { error: choice.error, programs: choice.status };
  try {
    const object = await KernelObject.load({ manifest, bytes: readFileSync(objectPath), options, choice });
    object.unload();
    return { programs: object.programs };
  } catch (thrown) {
    const error = HuatuoError.from(thrown, 'OBJECT_LOAD_FAILED', 'build again: npm run build');
    return { error, programs: choice.status };
  }
}
