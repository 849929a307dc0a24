/** `ctx.netlink`: the SDK's view of what the main thread does with netlink sockets. */
import type { MessagePort } from 'node:worker_threads';
import type { NetlinkCalls } from '../actor/kernel-calls.ts';
import { wrap } from '../actor/rpc.ts';
import { unlessStopped } from '../promises.ts';
import type { Netlink } from '../sdk/netlink.ts';

/** @param control whose other end answers `NetlinkCalls` @param signal ends waits for notifications */
export function createNetlink(control: MessagePort, signal: AbortSignal): Netlink {
  const kernel = wrap<NetlinkCalls>(control);
  return {
    request: (protocol, message) => kernel.request(protocol, message),
    driverOf: (device) => kernel.driverOf(device),
    driverCounters: (device) => kernel.driverCounters(device),
    async subscribe(protocol, groups) {
      const id = await kernel.netlinkSubscribe(protocol, groups);
      return {
        next: () => unlessStopped(kernel.netlinkReceive(id), signal, 0),
        [Symbol.asyncDispose]: () => kernel.netlinkUnsubscribe(id),
      };
    },
  };
}
