/** Remote procedure calls of the NFS client: /proc/net/rpc/nfs, net/sunrpc/stats.c, fs/nfs. */
import { decimal } from './source.ts';

export interface NfsClientCalls {
  readonly call: number;
  readonly retransmission: number;
  readonly authentication_refresh: number;
}

/** @returns undefined for a text without a line `rpc` of three numbers */
export function parseNfsClient(text: string): NfsClientCalls | undefined {
  const line = text.split('\n').find((one) => one.startsWith('rpc '));
  const [call, retransmission, authentication_refresh] = line?.split(' ').slice(1).map(decimal) ?? [];
  if (call === undefined || retransmission === undefined || authentication_refresh === undefined)
    return undefined;
  return { call, retransmission, authentication_refresh };
}
