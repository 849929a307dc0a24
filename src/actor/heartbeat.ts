/**
 * Whether a thread is alive, without a timer in it: the supervisor asks from time to time, and the thread's event loop
 * answers. One that hangs is seen by the answer that does not come. One that sleeps in its event loop, and has nothing under way that
 * must end, is not asked: whatever comes wakes it, and the question would be most of what does.
 *
 *   int32 [0]   how often the supervisor has asked
 *   int32 [1]   the newest question that was answered
 *   int32 [2]   the newest question that was also one to collect garbage
 *   int32 [3]   how many pieces of work are under way that must end; the thread may sleep while it waits for what never comes
 *
 * The words are the first ones of the actor's stats. They outlive each worker: a new one answers what is open.
 */
import { collectGarbage } from './collect-garbage.ts';

const ASKED = 0;
const ANSWERED = 1;
const COLLECT = 2;
const UNDER_WAY = 3;

/** Size of the words. */
export const HEARTBEAT_BYTES: number = 4 * Int32Array.BYTES_PER_ELEMENT;

/**
 * Answers from now on whenever the calling thread's event loop turns; does not keep the thread alive.
 * @param stats of the actor
 * @param isHeld answers are held back while it says so
 * @returns to be called when work that must end begins or ends, with how many pieces are under way now: answers what is open
 */
export function answerHeartbeat(
  stats: SharedArrayBuffer,
  isHeld: () => boolean = () => false,
): (underWay: number) => void {
  const words = new Int32Array(stats, 0, 4);
  Atomics.store(words, UNDER_WAY, 0);
  let collected = Atomics.load(words, COLLECT);
  const answer = (): void => {
    if (!isHeld()) Atomics.store(words, ANSWERED, Atomics.load(words, ASKED));
  };
  const listen = (): void => {
    for (;;) {
      const asked = Atomics.load(words, ASKED);
      answer();
      const collect = Atomics.load(words, COLLECT);
      if (collect !== collected) collectGarbage();
      collected = collect;
      const question = Atomics.waitAsync(words, ASKED, asked);
      if (!question.async) continue;
      void question.value.then(listen);
      return;
    }
  };
  listen();
  return (underWay) => {
    Atomics.store(words, UNDER_WAY, underWay);
    answer();
  };
}

/** The supervisor's end. */
export class Heartbeat {
  readonly #words: Int32Array;
  #asked_ms = Number.NEGATIVE_INFINITY;
  /** A question of this run waits for its answer. */
  #isOpen = false;

  /** @param stats of the actor */
  constructor(stats: SharedArrayBuffer) {
    this.#words = new Int32Array(stats, 0, 4);
  }

  /** Silence counts from the next question: a new run begins, or a start has ended that may have kept the thread busy. */
  begin(): void {
    this.#isOpen = false;
    this.#asked_ms = Number.NEGATIVE_INFINITY;
  }

  /**
   * Asks, unless a question is open, the last one is younger than `every_ms`, or the thread sleeps with nothing under way.
   * @returns milliseconds for which a question has been open, 0 when there is none
   */
  listen(now_ms: number, every_ms: number, sleeps = false): number {
    this.#isOpen &&= !this.#isAnswered;
    const rests = sleeps && Atomics.load(this.#words, UNDER_WAY) === 0;
    if (!this.#isOpen && !rests && now_ms - this.#asked_ms >= every_ms) {
      this.#isOpen = true;
      this.#asked_ms = now_ms;
      Atomics.add(this.#words, ASKED, 1);
      Atomics.notify(this.#words, ASKED);
    }
    return this.silence(now_ms);
  }

  /** Asks the thread to collect its garbage, too. */
  collect(): void {
    Atomics.store(this.#words, COLLECT, Atomics.add(this.#words, ASKED, 1) + 1);
    Atomics.notify(this.#words, ASKED);
  }

  /** The same without asking. */
  silence(now_ms: number): number {
    return this.#isOpen && !this.#isAnswered ? now_ms - this.#asked_ms : 0;
  }

  get #isAnswered(): boolean {
    return Atomics.load(this.#words, ANSWERED) === Atomics.load(this.#words, ASKED);
  }
}
