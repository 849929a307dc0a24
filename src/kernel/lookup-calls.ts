/**
 * The supervisor's part of look-ups: what is read once for the agent, whoever asks, and shared with every collector's thread.
 */
import { LRUCache } from 'lru-cache';
import type { LookupCalls } from '../actor/kernel-calls.ts';
import type { KernelSymbols } from '../decoder/kallsyms.ts';
import { cachedBytes } from '../decoder/symbol-table.ts';
import type { FileSymbols, SymbolTask } from '../decoder/symbol-tasks.ts';
import type { ProfileCalls } from '../profile/protocol.ts';
import { shareInFlight } from '../promises.ts';
import { readKernelEnum } from './kernel-enum.ts';
import { compilePacketFilter } from './packet-filter.ts';
import { SymbolThread } from './symbol-thread.ts';

/**
 * Once for the agent, of a file that always answers: part of a second, half a minute on an emulated CPU. What is given up is begun
 * anew by the next record.
 */
const KERNEL_DEADLINE_MS = 120_000;
const FILES_DEADLINE_MS = 2000;
/** Of one process: it may run a file with a million symbols. */
const FRAMES_DEADLINE_MS = 5000;
/** Of files; what a collector still holds lives on. */
const MAX_TABLE_BYTES = 64 * 1024 * 1024;
const MAX_ENUMS = 64;
/** Looked for among all processes; before this has passed they are not gone through for it again. */
const NOT_FOUND_MS = 60_000;
const MAX_NOT_FOUND = 256;

const thread = new SymbolThread();
const files = new LRUCache<string, FileSymbols>({
  maxSize: MAX_TABLE_BYTES,
  sizeCalculation: ({ table }) => cachedBytes(table, MAX_TABLE_BYTES),
});
const notFound = new LRUCache<string, true>({ max: MAX_NOT_FOUND, ttl: NOT_FOUND_MS });
const enums = new LRUCache<string, Readonly<Record<string, string>>>({ max: MAX_ENUMS });
let kernel: KernelSymbols | undefined;

const readKernel = shareInFlight(async (procfs) => {
  const task: SymbolTask = { type: 'kernel', procfs, version: (kernel?.version ?? 0) + 1 };
  const answer = await thread.run(task, KERNEL_DEADLINE_MS);
  if (answer?.type === 'kernel') kernel = answer.symbols;
});
const readEnum = shareInFlight(async (name) => enums.set(name, await readKernelEnum(name)));

/**
 * What profiles ask of the same thread.
 * @param procfs of the host
 * @param spent called with the CPU time that an answer took
 */
export function profileLookups(
  procfs: string,
  spent: (cpu_us: number) => void,
): Pick<ProfileCalls, 'processMappings' | 'processFrames'> {
  return {
    processMappings: async (processes) => {
      const answer = await thread.run({ type: 'mappings', procfs, processes }, FILES_DEADLINE_MS, spent);
      return answer?.type === 'mappings' ? answer.mappings : undefined;
    },
    processFrames: async (mappings, addresses) => {
      const task: SymbolTask = { type: 'frames', procfs, mappings, addresses };
      const answer = await thread.run(task, FRAMES_DEADLINE_MS, spent);
      return answer?.type === 'frames' ? answer.frames : undefined;
    },
  };
}

/** @param procfs of the host */
export function lookupCalls(procfs: string): LookupCalls {
  return {
    kernelSymbols: async (newerThan) => {
      if ((kernel?.version ?? 0) <= newerThan) await readKernel(procfs);
      return kernel;
    },
    fileSymbols: async (process, buildIds) => {
      const missing = buildIds.filter((buildId) => !files.has(buildId) && !notFound.has(buildId));
      if (missing.length > 0) {
        const task: SymbolTask = { type: 'files', procfs, process, buildIds: missing };
        const answer = await thread.run(task, FILES_DEADLINE_MS);
        if (answer?.type === 'files') for (const file of answer.files) files.set(file.buildId, file);
        for (const buildId of missing) if (!files.has(buildId)) notFound.set(buildId, true);
      }
      return buildIds.flatMap((buildId) => files.get(buildId) ?? []);
    },
    kernelEnum: async (name) => {
      if (!enums.has(name)) await readEnum(name);
      return enums.get(name) ?? {};
    },
    compilePacketFilter,
  };
}
