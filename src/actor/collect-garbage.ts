/**
 * Memory that a start needed and the work does not: modules were read and compiled, BTF was parsed, the verifier was fed.
 * V8 keeps it for a program that goes on like this. An agent idles for weeks, so its threads give it back when the supervisor says
 * so (garbage-schedule.ts). What malloc has is the whole process's, and given back by the main thread (src/agent/memory.ts).
 */

/** By then a thread of the pool has run its first tasks. */
const COLLECTS_AFTER_MS = 5000;

/** Collects the garbage of the calling thread once, a few seconds from now: for one that the supervisor does not know. */
export function collectGarbageOnce(): void {
  setTimeout(collectGarbage, COLLECTS_AFTER_MS).unref();
}

/**
 * Collects the garbage of the calling thread now, which takes 10 to 30 ms; does nothing in a process without `--expose-gc`
 * (src/cli/become-agent.ts). `last-resort` also gives the freed pages back to the system; no public function of Node does.
 */
export function collectGarbage(): void {
  globalThis.gc?.({ type: 'major', flavor: 'last-resort' });
}
