/**
 * Requests of the tasks on the pool. A thread of the pool brings a port of its own when the first task in it asks for something;
 * the port closes with the thread, whatever ended that.
 *
 * Each request may wait in the kernel for as long as a driver holds rtnl_mutex, and takes a thread of libuv's for that time, which
 * the verifier needs, too. So one is made at a time, and what asks while it hangs is told so at once: it would only keep a thread of
 * the pool waiting.
 */
import type { MessagePort } from 'node:worker_threads';
import { expose } from '../actor/rpc.ts';
import { HuatuoError } from '../error.ts';
import { limitConcurrency } from '../promises.ts';
import type { NetlinkRequests } from '../sdk/netlink.ts';

/** Two threads run; a few more may be about to end. */
const MAX_PORTS = 16;
const MAX_WAITING = 64;
/** Less than the deadline of any task: it hears of it, and need not be ended with its thread. */
const DEADLINE_MS = 3_000;

export class PoolNetlink implements Disposable {
  readonly #requests: NetlinkRequests;
  readonly #deadline_ms: number;
  readonly #inTurn = limitConcurrency(1);
  readonly #ports = new Set<MessagePort>();
  #open = 0;
  /** The one that is in the kernel has not come back in time. */
  #hangs = false;

  constructor(requests: NetlinkRequests, deadline_ms: number = DEADLINE_MS) {
    this.#requests = requests;
    this.#deadline_ms = deadline_ms;
  }

  /** Answers what is asked on a port, which is the pool's to close. */
  answer(port: MessagePort): void {
    const [oldest] = this.#ports;
    if (oldest && this.#ports.size >= MAX_PORTS) oldest.close();
    this.#ports.add(port);
    port.once('close', () => this.#ports.delete(port));
    const { request, driverOf, driverCounters } = this.#requests;
    const run = <T>(call: () => Promise<T>): Promise<T> => this.#run(call, () => this.#ports.has(port));
    const calls: NetlinkRequests = {
      request: (protocol, message) => run(() => request(protocol, message)),
      driverOf: (device) => run(() => driverOf(device)),
      driverCounters: (device) => run(() => driverCounters(device)),
    };
    expose(calls, port);
    // The threads of the pool are not what keeps the agent running.
    port.unref();
  }

  /** Closes every port. */
  [Symbol.dispose](): void {
    for (const port of this.#ports) port.close();
    this.#ports.clear();
  }

  /** @param isWanted whether there is still a thread that waits for it */
  async #run<T>(call: () => Promise<T>, isWanted: () => boolean): Promise<T> {
    if (this.#hangs) throw busy('one that hangs in the kernel');
    if (this.#open > MAX_WAITING) throw busy(`${this.#open} that wait`);
    this.#open += 1;
    const late = Promise.withResolvers<never>();
    let [isLate, hasBegun] = [false, false];
    const timer = setTimeout(() => {
      isLate = true;
      this.#hangs ||= hasBegun;
      late.reject(tooLate(this.#deadline_ms));
    }, this.#deadline_ms);
    const turn = this.#inTurn(async () => {
      if (isLate || !isWanted()) throw tooLate(this.#deadline_ms);
      hasBegun = true;
      try {
        return await call();
      } finally {
        this.#hangs = false;
      }
    });
    try {
      return await Promise.race([turn, late.promise]);
    } finally {
      clearTimeout(timer);
      this.#open -= 1;
    }
  }
}

function busy(found: string): HuatuoError {
  return new HuatuoError('OVERLOADED', {
    expected: 'a turn for a netlink request of a metric collector',
    found,
    remedy:
      'it is asked again next time; if `ip link` hangs as well, look for a driver that holds rtnl_mutex',
  });
}

function tooLate(deadline_ms: number): HuatuoError {
  return new HuatuoError('DEADLINE_EXCEEDED', {
    expected: `an answer of the kernel about network devices within ${deadline_ms} ms`,
    found: 'none',
    remedy:
      'it is asked again next time; if `ip link` hangs as well, look for a driver that holds rtnl_mutex',
  });
}
