/** In which file of a process an address is: known from its mappings alone, without a look at files. */
import { type ExecutableMapping, fileName } from '../procfs/executable-files.ts';
import { shownFileName } from './symbol-table.ts';

/** Where a process has code. Plain data. */
export interface ProcessMappings {
  readonly process: number;
  /** When it was read: a file that was changed later is not the one that was mapped then. */
  readonly read_unix_ms: number;
  readonly mappings: readonly ExecutableMapping[];
}

export interface NamedFrame {
  /** Empty when there is none; printable. */
  readonly name: string;
  /** Base name of the file, `[jit]`, `[vdso]`; empty for an address where the process has no code. Printable. */
  readonly module: string;
}

export const NOWHERE: NamedFrame = { name: '', module: '' };
const JIT = '[jit]';

/** @returns a frame without a name for each address, in their order */
export function placeFrames({ mappings }: ProcessMappings, addresses: BigUint64Array): NamedFrame[] {
  return Array.from(addresses, (address) => {
    const mapping = mappingOf(mappings, address);
    return mapping ? { name: '', module: moduleOf(mapping) } : NOWHERE;
  });
}

export function moduleOf({ inode, path }: ExecutableMapping): string {
  if (inode !== '') return shownFileName(fileName(path));
  return path.startsWith('[') ? shownFileName(path) : JIT;
}

export function mappingOf(
  mappings: readonly ExecutableMapping[],
  address: bigint,
): ExecutableMapping | undefined {
  let [low, high] = [0, mappings.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (mappings[middle]!.end <= address) low = middle + 1;
    else high = middle;
  }
  const found = mappings[low];
  return found && found.start <= address ? found : undefined;
}
