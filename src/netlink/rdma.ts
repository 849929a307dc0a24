/**
 * RDMA devices and the hardware counters of their ports: RDMA_NL_* and RDMA_NLDEV_* of include/uapi/rdma/rdma_netlink.h, filled by
 * fill_dev_info() and stat_get_doit_default_counter() in drivers/infiniband/core/nldev.c.
 */
import type { NetlinkRequests } from '../sdk/netlink.ts';
import { Attributes, u32Attribute } from './attributes.ts';
import { ask, dump, ifSupported } from './dump.ts';

/** include/uapi/linux/netlink.h */
const NETLINK_RDMA = 20;
const RDMA_NL_NLDEV = 5;
const RDMA_NLDEV_CMD_GET = 1;
const RDMA_NLDEV_CMD_STAT_GET = 17;
/** RDMA_NL_GET_TYPE() */
const CLIENT_SHIFT = 10;

const RDMA_NLDEV_ATTR_DEV_INDEX = 1;
const RDMA_NLDEV_ATTR_DEV_NAME = 2;
const RDMA_NLDEV_ATTR_PORT_INDEX = 3;
const RDMA_NLDEV_ATTR_NODE_GUID = 6;
const RDMA_NLDEV_ATTR_STAT_HWCOUNTERS = 80;
const RDMA_NLDEV_ATTR_STAT_HWCOUNTER_ENTRY_NAME = 82;
const RDMA_NLDEV_ATTR_STAT_HWCOUNTER_ENTRY_VALUE = 83;

export interface RdmaDevice {
  readonly index: number;
  readonly name: string;
  /** As `rdma dev` shows it: `506b:4b03:00fc:a1b2`. */
  readonly nodeGuid: string;
  /** Ports are numbered from 1. */
  readonly ports: number;
}

export interface RdmaCounter {
  /** As the driver spells it. */
  readonly name: string;
  readonly value: number;
}

const typeOf = (command: number): number => (RDMA_NL_NLDEV << CLIENT_SHIFT) + command;

/** @returns undefined when the kernel has no RDMA @throws SYSCALL_FAILED, SOURCE_UNREADABLE, and what `NetlinkRequests` say */
export async function readRdmaDevices(netlink: NetlinkRequests): Promise<RdmaDevice[] | undefined> {
  const exchange = (request: Uint8Array) => netlink.request(NETLINK_RDMA, request);
  const messages = await ifSupported(dump(exchange, typeOf(RDMA_NLDEV_CMD_GET), new Uint8Array()));
  return messages?.flatMap(({ payload }) => rdmaDevice(payload) ?? []);
}

/** @returns undefined when the device counts nothing @throws as `readRdmaDevices` */
export async function readRdmaCounters(
  netlink: NetlinkRequests,
  device: number,
  port: number,
): Promise<RdmaCounter[] | undefined> {
  const exchange = (request: Uint8Array) => netlink.request(NETLINK_RDMA, request);
  const payload = Buffer.concat([
    u32Attribute(RDMA_NLDEV_ATTR_DEV_INDEX, device),
    u32Attribute(RDMA_NLDEV_ATTR_PORT_INDEX, port),
  ]);
  const answer = await ifSupported(ask(exchange, typeOf(RDMA_NLDEV_CMD_STAT_GET), payload));
  return answer && rdmaCounters(answer.payload);
}

/** @returns undefined for one without index or name @throws SOURCE_UNREADABLE */
export function rdmaDevice(payload: Uint8Array): RdmaDevice | undefined {
  const attributes = new Attributes(payload);
  const index = attributes.u32(RDMA_NLDEV_ATTR_DEV_INDEX);
  const name = attributes.text(RDMA_NLDEV_ATTR_DEV_NAME);
  if (index === undefined || name === undefined) return undefined;
  const ports = attributes.u32(RDMA_NLDEV_ATTR_PORT_INDEX) ?? 0;
  return { index, name, nodeGuid: guid(attributes), ports };
}

/** @throws SOURCE_UNREADABLE */
export function rdmaCounters(payload: Uint8Array): RdmaCounter[] {
  return new Attributes(payload).list(RDMA_NLDEV_ATTR_STAT_HWCOUNTERS).flatMap((entry) => {
    const name = entry.text(RDMA_NLDEV_ATTR_STAT_HWCOUNTER_ENTRY_NAME);
    const value = entry.u64(RDMA_NLDEV_ATTR_STAT_HWCOUNTER_ENTRY_VALUE);
    return name === undefined || value === undefined ? [] : { name, value };
  });
}

function guid(attributes: Attributes): string {
  const view = attributes.struct(RDMA_NLDEV_ATTR_NODE_GUID, 8);
  if (!view) return '';
  const parts = [6, 4, 2, 0].map((offset) => view.getUint16(offset, true));
  return parts.map((part) => part.toString(16).padStart(4, '0')).join(':');
}
