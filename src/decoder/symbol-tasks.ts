/** What the thread `symbols` is asked and answers. It reads files of megabytes, so neither the main thread nor a collector's does. */
import { executableFiles, withFile } from '../procfs/executable-files.ts';
import { openElf, readFileSymbols } from './elf-symbols.ts';
import { type KernelSymbols, readSymbols } from './kallsyms.ts';
import { printable, type SymbolTable } from './symbol-table.ts';

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
    };

export type SymbolAnswer =
  | { readonly type: 'kernel'; readonly symbols: KernelSymbols }
  | { readonly type: 'files'; readonly files: readonly FileSymbols[] };

const MAX_FILE_NAME = 64;

/** Runs one task; a process or file that is gone is answered by leaving it out. */
export function runSymbolTask(task: SymbolTask): SymbolAnswer {
  if (task.type === 'kernel') return { type: 'kernel', symbols: readSymbols(task.procfs, task.version) };
  return { type: 'files', files: symbolsOfProcess(task.procfs, task.process, new Set(task.buildIds)) };
}

/** The files of a process that have these build ids. */
function symbolsOfProcess(procfs: string, process: number, wanted: ReadonlySet<string>): FileSymbols[] {
  const found = new Map<string, FileSymbols>();
  for (const { path, name } of filesOf(procfs, process)) {
    if (found.size === wanted.size) break;
    withFile(path, (read) => {
      const elf = openElf({ read });
      if (!elf || !wanted.has(elf.buildId) || found.has(elf.buildId)) return;
      const table = readFileSymbols(elf);
      const shown = printable(Buffer.from(name)).slice(0, MAX_FILE_NAME);
      found.set(elf.buildId, { buildId: elf.buildId, name: shown, ...(table && { table }) });
    });
  }
  return [...found.values()];
}

function filesOf(procfs: string, process: number): ReturnType<typeof executableFiles> {
  try {
    return executableFiles(procfs, process);
  } catch {
    return [];
  }
}
