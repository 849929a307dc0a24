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

/** The same for the main thread; called before the first worker is started. */
export function settleProcess(): void {
  limitMallocArenas();
  settleThread();
}
