/** `ctx.netlink` of tasks: a thread gets its port to the main thread when the first task in it asks for something. */
import { MessageChannel, type MessagePort } from 'node:worker_threads';
import { type Remote, wrap } from '../actor/rpc.ts';
import type { NetlinkRequests } from '../sdk/netlink.ts';

/**
 * @param connect brings one end of a port to where it is answered
 * @returns requests that reject with WORKER_EXITED while nothing answers them; the next one connects anew
 */
export function netlinkOfTasks(connect: (port: MessagePort) => void): NetlinkRequests {
  let calls: Remote<NetlinkRequests> | undefined;
  const connected = (): Remote<NetlinkRequests> => {
    if (calls) return calls;
    const { port1, port2 } = new MessageChannel();
    calls = wrap<NetlinkRequests>(port1);
    port1.once('close', () => {
      calls = undefined;
    });
    // A thread that has nothing to do may end.
    port1.unref();
    connect(port2);
    return calls;
  };
  return {
    request: (protocol, message) => connected().request(protocol, message),
    driverOf: (device) => connected().driverOf(device),
    driverCounters: (device) => connected().driverCounters(device),
  };
}
