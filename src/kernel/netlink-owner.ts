/** The supervisor's hold on one collector's netlink sockets: they end with the run of the worker that has asked for them. */
import type { NetlinkCalls } from '../actor/kernel-calls.ts';
import { HuatuoError } from '../error.ts';
import { NETLINK_REQUESTS } from './netlink-requests.ts';
import { NetlinkListener } from './netlink-socket.ts';
import type { RingWatch } from './ring-watch.ts';

/** A worker that opens more has a leak. */
const MAX_LISTENERS = 16;

export class NetlinkOwner implements Disposable {
  readonly #watch: RingWatch;
  readonly #listeners = new Map<number, NetlinkListener>();
  #nextId = 1;

  /** @param watch hears of what can be read; must outlive the owner */
  constructor(watch: RingWatch) {
    this.#watch = watch;
  }

  /** To be exposed on the worker's control port. */
  get calls(): NetlinkCalls {
    return {
      ...NETLINK_REQUESTS,
      netlinkSubscribe: async (protocol, groups) => this.#subscribe(protocol, groups),
      netlinkReceive: async (id) => this.#need(id).receive(),
      netlinkUnsubscribe: async (id) => {
        this.#listeners.get(id)?.[Symbol.dispose]();
        this.#listeners.delete(id);
      },
    };
  }

  /** Closes every socket; more can be opened afterwards, for the next run. */
  [Symbol.dispose](): void {
    for (const listener of this.#listeners.values()) listener[Symbol.dispose]();
    this.#listeners.clear();
  }

  #subscribe(protocol: number, groups: readonly number[]): number {
    if (this.#listeners.size >= MAX_LISTENERS)
      throw new HuatuoError('COLLECTOR_INVALID', {
        expected: `at most ${MAX_LISTENERS} netlink subscriptions at a time`,
        found: 'one more',
        remedy: 'dispose of those that are no longer used',
      });
    const id = this.#nextId++;
    this.#listeners.set(id, new NetlinkListener(this.#watch, protocol, groups));
    return id;
  }

  #need(id: number): NetlinkListener {
    const listener = this.#listeners.get(id);
    if (listener) return listener;
    throw new HuatuoError('COLLECTOR_INVALID', {
      expected: 'a netlink subscription',
      found: 'one that is disposed of',
      remedy: 'subscribe again',
    });
  }
}
