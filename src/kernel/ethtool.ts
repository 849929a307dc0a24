/**
 * Drivers of network devices, as `ethtool -i` and `ethtool -S` ask: SIOCETHTOOL (include/uapi/linux/sockios.h, ethtool.h). sysfs
 * has no versions, and the generic netlink family of ethtool has neither request.
 */
import koffi from 'koffi';
import type { DeviceDriver, DriverCounter } from '../sdk/netlink.ts';
import { callInThread } from './call-in-thread.ts';
import { closeFd, unixDatagramSocket } from './libc.ts';

const libc = koffi.load('libc.so.6');
/** The last argument is not the kernel's: it is what `argument` points to, which is kept for as long as the call takes. */
const ioctl = libc.func('int ioctl(int fd, unsigned long request, uint8_t *argument, const uint8_t *kept)');

const SIOCETHTOOL = 0x8946;
const ETHTOOL_GDRVINFO = 0x3;
const ETHTOOL_GSTRINGS = 0x1b;
const ETHTOOL_GSTATS = 0x1d;
const ETHTOOL_GSSET_INFO = 0x37;
/** `enum ethtool_stringset` */
const ETH_SS_STATS = 1;
/** `struct ifreq`: name, pointer. */
const IFNAMSIZ = 16;
const REQUEST_BYTES = 40;
/** `struct ethtool_drvinfo`: u32 command, then driver, version, firmware version, bus: 32 bytes of text each. */
const INFO_BYTES = 196;
const TEXT_BYTES = 32;
/** `struct ethtool_sset_info`: u32 command, u32 reserved, u64 mask of sets, u32 size of each. */
const SET_INFO_BYTES = 24;
const SET_SIZE_OFFSET = 16;
/** `struct ethtool_gstrings`: u32 command, set, length, then ETH_GSTRING_LEN bytes each. */
const STRINGS_HEAD_BYTES = 12;
/** `struct ethtool_stats`: u32 command, length, then u64 each. */
const COUNTERS_HEAD_BYTES = 8;
/** Cards with many queues have some thousands. */
const MAX_COUNTERS = 8_192;
/** Kernels write as many as there are by then, however many were asked for: room for what is added between two calls. */
const ROOM = 4 * MAX_COUNTERS;

/**
 * Asks in the network namespace of the agent.
 * @returns undefined when there is no such device, or its driver does not answer
 */
export async function driverOf(device: string): Promise<DeviceDriver | undefined> {
  const info = Buffer.alloc(INFO_BYTES);
  info.writeUInt32LE(ETHTOOL_GDRVINFO);
  return (await ask(device, info)) ? driverIn(info) : undefined;
}

/**
 * Everything its driver counts, in its order. The driver may ask the card for it.
 * @returns undefined when there is no such device, its driver counts nothing or more than 8,192 things, or what it counts
 * changed meanwhile, as with the number of its queues
 */
export async function driverCounters(device: string): Promise<DriverCounter[] | undefined> {
  const set = Buffer.alloc(SET_INFO_BYTES);
  set.writeUInt32LE(ETHTOOL_GSSET_INFO);
  set.writeBigUInt64LE(1n << BigInt(ETH_SS_STATS), 8);
  if (!(await ask(device, set))) return undefined;
  const count = set.readUInt32LE(SET_SIZE_OFFSET);
  if (count === 0 || count > MAX_COUNTERS) return undefined;
  const names = Buffer.alloc(STRINGS_HEAD_BYTES + ROOM * TEXT_BYTES);
  names.writeUInt32LE(ETHTOOL_GSTRINGS);
  names.writeUInt32LE(ETH_SS_STATS, 4);
  names.writeUInt32LE(count, 8);
  const values = Buffer.alloc(COUNTERS_HEAD_BYTES + ROOM * 8);
  values.writeUInt32LE(ETHTOOL_GSTATS);
  values.writeUInt32LE(count, 4);
  if (!(await ask(device, names)) || !(await ask(device, values))) return undefined;
  if (names.readUInt32LE(8) !== count || values.readUInt32LE(4) !== count) return undefined;
  return Array.from({ length: count }, (_, index) => ({
    name: textAt(names, STRINGS_HEAD_BYTES + index * TEXT_BYTES),
    value: Number(values.readBigUInt64LE(COUNTERS_HEAD_BYTES + index * 8)),
  }));
}

/**
 * The kernel takes rtnl_mutex, which a driver may hold for seconds, so the call is made on one of koffi's threads.
 * @param command is the answer afterwards
 * @returns whether there is one
 */
async function ask(device: string, command: Buffer): Promise<boolean> {
  // Any socket will do; it says which namespace is meant.
  const fd = unixDatagramSocket();
  if (fd < 0) return false;
  try {
    const request = Buffer.alloc(REQUEST_BYTES);
    Buffer.from(device).copy(request, 0, 0, IFNAMSIZ - 1);
    request.writeBigUInt64LE(koffi.address(command) as bigint, IFNAMSIZ);
    return (await callInThread(ioctl, fd, SIOCETHTOOL, request, command)) === 0;
  } finally {
    closeFd(fd);
  }
}

function driverIn(info: Buffer): DeviceDriver {
  const text = (index: number): string => textAt(info, 4 + index * TEXT_BYTES);
  return { driver: text(0), version: text(1), firmwareVersion: text(2), bus: text(3) };
}

function textAt(bytes: Buffer, start: number): string {
  const field = bytes.subarray(start, start + TEXT_BYTES);
  const end = field.indexOf(0);
  return field.toString('utf8', 0, end === -1 ? TEXT_BYTES : end);
}
