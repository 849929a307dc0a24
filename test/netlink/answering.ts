/** A kernel that answers requests by their type. */
import assert from 'node:assert/strict';
import type { Netlink } from '../../src/sdk/netlink.ts';

interface AnsweringKernel extends Netlink {
  /** What it was asked, in order. */
  readonly requests: Uint8Array[];
  readonly protocols: number[];
}

/** @param answers datagrams by the type of the request @param failure in place of any answer */
export function answering(
  answers: Readonly<Record<number, readonly Uint8Array[]>>,
  failure?: Error,
): AnsweringKernel {
  const requests: Uint8Array[] = [];
  const protocols: number[] = [];
  return {
    requests,
    protocols,
    request: async (protocol, message) => {
      if (failure) throw failure;
      requests.push(message);
      protocols.push(protocol);
      const type = new DataView(message.buffer, message.byteOffset).getUint16(4, true);
      const answer = answers[type];
      assert.ok(answer, `nothing answers type ${type}`);
      return answer;
    },
    driverOf: async () => undefined,
    driverCounters: async () => undefined,
    subscribe: () => Promise.reject(new Error('not listened to here')),
  };
}
