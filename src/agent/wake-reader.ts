/** From the wake-ups of a ring to its reader. */
import { RingWakes } from '../actor/ring-wakes.ts';
import { PROT_READ } from '../kernel/libc.ts';
import type { KernelObject } from '../kernel/object.ts';
import { MappedWords } from '../kernel/ring-view.ts';
import type { RingWatch } from '../kernel/ring-watch.ts';

/** Section of `reader_calls` in bpf/include/event.h, which is alone in it. */
const CALLS = '.data.calls';

/**
 * Wakes the reader of an object's ring, until disposed of; the object must stay loaded until then.
 * @param shared `RingWakes` of the reader
 * @param heard called at each wake-up, when the reader has been told
 * @returns undefined for an object without ring
 * @throws MAP_FAILED, SYSCALL_FAILED
 */
export function wakeReader(
  rings: RingWatch,
  object: KernelObject,
  shared: SharedArrayBuffer,
  heard: () => void = () => undefined,
): Disposable | undefined {
  const ring = object.mapFd('events');
  if (ring === undefined) return undefined;
  const wakes = new RingWakes(shared);
  using watching = new DisposableStack();
  const callsFd = object.mapFd(CALLS);
  const calls = callsFd === undefined ? undefined : watching.use(new MappedWords(callsFd, 0, 1, PROT_READ));
  let before = calls && Atomics.load(calls.words, 0);
  watching.use(
    rings.add(ring, () => {
      const now = calls && Atomics.load(calls.words, 0);
      // A ring whose programs do not count their calls wakes only by calling.
      if (now === undefined || now !== before) wakes.call();
      else wakes.wake();
      before = now;
      heard();
    }),
  );
  return watching.move();
}
