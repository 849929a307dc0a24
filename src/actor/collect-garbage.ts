/**
 * Memory that a start needed and the work does not: modules were read and compiled, BTF was parsed, the verifier was fed.
 * V8 and malloc keep it for a program that goes on like this. An agent idles for weeks, so each thread gives it back once,
 * shortly after its start; that is about a fifth of the resident size. What malloc has is the whole process's, and given
 * back by the main thread (src/agent/memory.ts).
 */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/** By then a collector has loaded and attached, and the first scrape has usually been there. */
export const COLLECTS_AFTER_MS = 5000;
/** Takes 10 to 30 ms for the heap of one thread. */
type Collect = (options: { readonly type: 'major'; readonly flavor: 'last-resort' }) => void;

/** Collects the garbage of the calling thread once, a few seconds from now. Does not keep the thread alive. */
export function collectGarbageOnce(): void {
  setTimeout(collectGarbage, COLLECTS_AFTER_MS).unref();
}

/** Collects the garbage of the calling thread now. */
export function collectGarbage(): void {
  collector()({ type: 'major', flavor: 'last-resort' });
}

let known: Collect | undefined;

/** `last-resort` also gives the freed pages back to the system; no public function of Node does. */
function collector(): Collect {
  if (known) return known;
  setFlagsFromString('--expose-gc');
  known = runInNewContext('gc') as Collect;
  return known;
}
