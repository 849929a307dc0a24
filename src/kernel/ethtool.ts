/**
 * Drivers of network devices, as `ethtool -i` asks: SIOCETHTOOL with ETHTOOL_GDRVINFO (include/uapi/linux/sockios.h,
 * ethtool.h). sysfs has no versions, and the generic netlink family of ethtool has no such request.
 */
import koffi from 'koffi';
import type { DeviceDriver } from '../sdk/netlink.ts';
import { callInThread } from './call-in-thread.ts';
import { closeFd, unixDatagramSocket } from './libc.ts';

const libc = koffi.load('libc.so.6');
/** The last argument is not the kernel's: it is what `argument` points to, which is kept for as long as the call takes. */
const ioctl = libc.func('int ioctl(int fd, unsigned long request, uint8_t *argument, const uint8_t *kept)');

const SIOCETHTOOL = 0x8946;
const ETHTOOL_GDRVINFO = 3;
/** `struct ifreq`: name, pointer. */
const IFNAMSIZ = 16;
const REQUEST_BYTES = 40;
/** `struct ethtool_drvinfo`: u32 command, then driver, version, firmware version, bus: 32 bytes of text each. */
const INFO_BYTES = 196;
const TEXT_BYTES = 32;

/**
 * Asks in the network namespace of the agent. The kernel takes rtnl_mutex, which a driver may hold for seconds, so the call is
 * made on one of koffi's threads.
 * @returns undefined when there is no such device, or its driver does not answer
 */
export async function driverOf(device: string): Promise<DeviceDriver | undefined> {
  const name = Buffer.from(device);
  // Any socket will do; it says which namespace is meant.
  const fd = unixDatagramSocket();
  if (fd < 0) return undefined;
  try {
    const info = Buffer.alloc(INFO_BYTES);
    info.writeUInt32LE(ETHTOOL_GDRVINFO);
    const request = Buffer.alloc(REQUEST_BYTES);
    name.copy(request, 0, 0, IFNAMSIZ - 1);
    request.writeBigUInt64LE(koffi.address(info) as bigint, IFNAMSIZ);
    const result = await callInThread(ioctl, fd, SIOCETHTOOL, request, info);
    return result === 0 ? driverIn(info) : undefined;
  } finally {
    closeFd(fd);
  }
}

function driverIn(info: Buffer): DeviceDriver {
  const text = (index: number): string => {
    const start = 4 + index * TEXT_BYTES;
    const bytes = info.subarray(start, start + TEXT_BYTES);
    const end = bytes.indexOf(0);
    return bytes.toString('utf8', 0, end === -1 ? TEXT_BYTES : end);
  };
  return { driver: text(0), version: text(1), firmwareVersion: text(2), bus: text(3) };
}
