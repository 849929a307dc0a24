/**
 * Gives what malloc keeps of ended and of settled threads back to the system: it is free, in pieces that the next thread does
 * not fit into. It takes some milliseconds, with malloc's arenas locked one by one, so what comes in rows shares one trim.
 * Main thread only.
 */
import { limitMalloc, trimMalloc } from '../native/libc.ts';
import { collectGarbage, SETTLES_AFTER_MS, settleThread } from './settle.ts';

const AFTER_EXIT_MS = 500;
/** Some time after the threads that were started together have collected their garbage. */
const AFTER_START_MS = SETTLES_AFTER_MS + 2000;

const due = new Map<number, NodeJS.Timeout>();

function trimAfter(delay_ms: number, before: () => void = () => undefined): void {
  if (due.has(delay_ms)) return;
  const timer = setTimeout(() => {
    due.delete(delay_ms);
    before();
    trimMalloc();
  }, delay_ms);
  due.set(delay_ms, timer.unref());
}

/** A thread has been started, and will settle. */
export function trimAfterStart(): void {
  trimAfter(AFTER_START_MS);
}

/** Takes some 20 ms, in which the supervisor hears nothing: not for each of many ends in a row. */
const COLLECT_EVERY_MS = 30_000;
let collected_ms = Number.NEGATIVE_INFINITY;

/** A thread has ended. What the supervisor had made for it is garbage, and V8 would let that grow to its heap's own size. */
export function trimAfterExit(): void {
  trimAfter(AFTER_EXIT_MS, () => {
    if (performance.now() - collected_ms < COLLECT_EVERY_MS) return;
    collected_ms = performance.now();
    collectGarbage();
  });
}

/** `settleThread` for the main thread; called before the first worker is started. */
export function settleProcess(): void {
  limitMalloc();
  settleThread();
}
