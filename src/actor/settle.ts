/**
 * Memory that a start needed and the work does not: modules were read and compiled, BTF was parsed, the verifier was fed.
 * V8 and malloc keep it for a program that goes on like this. An agent idles for weeks, so each thread gives it back once,
 * shortly after its start; that is about a fifth of the resident size.
 */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { limitMallocArenas, trimMalloc } from '../kernel/libc.ts';

/** By then a collector has loaded and attached, and the first scrape has usually been there. */
const AFTER_START_MS = 5000;
/** Takes 10 to 30 ms for the heap of one thread. */
type Collect = (options: { readonly type: 'major'; readonly flavor: 'last-resort' }) => void;

/** Settles the calling thread once, a few seconds from now. Does not keep the thread alive. */
export function settleThread(): void {
  setTimeout(() => {
    // `last-resort` also gives the freed pages back to the system; no public function of Node does.
    setFlagsFromString('--expose-gc');
    const collect = runInNewContext('gc') as Collect;
    collect({ type: 'major', flavor: 'last-resort' });
    trimMalloc();
  }, AFTER_START_MS).unref();
}

/** Crashes come in rows: one trim for all of them. It takes some milliseconds, with the arenas locked one by one. */
const AFTER_EXIT_MS = 500;
let trimming: NodeJS.Timeout | undefined;

/**
 * What a thread that has ended had allocated is free, and stays with malloc in pieces that the next thread does not fit
 * into. What cannot be had back are about 30 KB for each thread: koffi frees nothing of what it made for it
 * (`npm run soak -- --part memory`).
 */
export function settleAfterExit(): void {
  if (trimming) return;
  trimming = setTimeout(() => {
    trimming = undefined;
    trimMalloc();
  }, AFTER_EXIT_MS).unref();
}

/** `settleThread` for the main thread; called before the first worker is started. */
export function settleProcess(): void {
  limitMallocArenas();
  settleThread();
}
