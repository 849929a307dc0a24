/** What the thread `symbols` is asked and answers. It reads files of megabytes, so neither the main thread nor a collector's does. */
import { type ExecutableFile, executableFiles, withFile } from '../procfs/executable-files.ts';
import { othersFiles } from '../procfs/others-files.ts';
import { openElf, readFileSymbols } from './elf-symbols.ts';
import type { NamedFrame, ProcessMappings } from './frame-places.ts';
import { type KernelSymbols, readSymbols } from './kallsyms.ts';
import { nameFrames, readMappings } from './process-frames.ts';
import { type SymbolTable, shownFileName } from './symbol-table.ts';

/** Functions of one file. */
export interface FileSymbols {
  /** 40 hexadecimal digits. */
  readonly buildId: string;
  /** Base name, printable. */
  readonly name: string;
  /** By offset in the file; absent when it has no symbols that could be read. */
  readonly table?: SymbolTable;
}

export type SymbolTask =
  | { readonly type: 'kernel'; readonly procfs: string; readonly version: number }
  | {
      readonly type: 'files';
      readonly procfs: string;
      readonly process: number;
      readonly buildIds: readonly string[];
    }
  | { readonly type: 'mappings'; readonly procfs: string; readonly processes: readonly number[] }
  | {
      readonly type: 'frames';
      readonly procfs: string;
      readonly mappings: ProcessMappings;
      readonly addresses: BigUint64Array;
    };

export type SymbolAnswer =
  | { readonly type: 'kernel'; readonly symbols: KernelSymbols }
  | { readonly type: 'files'; readonly files: readonly FileSymbols[] }
  | { readonly type: 'mappings'; readonly mappings: readonly ProcessMappings[] }
  | { readonly type: 'frames'; readonly frames: readonly NamedFrame[] };

/** What the thread sends back. */
export interface SymbolReply {
  readonly answer: SymbolAnswer;
  /** CPU time of the task. */
  readonly cpu_us: number;
}

/** Runs one task; a process or file that is gone is answered by leaving it out. */
export function runSymbolTask(task: SymbolTask): SymbolAnswer {
  const { procfs } = task;
  switch (task.type) {
    case 'kernel':
      return { type: 'kernel', symbols: readSymbols(procfs, task.version) };
    case 'files':
      return { type: 'files', files: symbolsOfProcess(procfs, task.process, new Set(task.buildIds)) };
    case 'mappings':
      return { type: 'mappings', mappings: readMappings(procfs, task.processes) };
    case 'frames':
      return { type: 'frames', frames: nameFrames(procfs, task.mappings, task.addresses) };
  }
}

/** The files that have these build ids: of a process, or of others where it has ended. */
function symbolsOfProcess(procfs: string, process: number, wanted: ReadonlySet<string>): FileSymbols[] {
  const found = new Map<string, FileSymbols>();
  for (const { path, name } of filesOf(procfs, process)) {
    if (found.size === wanted.size) break;
    withFile(path, (read) => {
      const elf = openElf({ read });
      const { buildId = '' } = elf ?? {};
      if (!elf || !wanted.has(buildId) || found.has(buildId)) return;
      const table = readFileSymbols(elf);
      found.set(buildId, { buildId, name: shownFileName(name), ...(table && { table }) });
    });
  }
  return [...found.values()];
}

function* filesOf(procfs: string, process: number): Generator<ExecutableFile> {
  try {
    yield* executableFiles(procfs, process);
  } catch {
    // Not to be looked at.
  }
  yield* othersFiles(procfs);
}
