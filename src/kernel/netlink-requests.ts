/** Requests of workers and of tasks on the pool, which the main thread makes for them. */
import type { NetlinkRequests } from '../sdk/netlink.ts';
import { driverCounters, driverOf } from './ethtool.ts';
import { exchange } from './netlink-socket.ts';

export const NETLINK_REQUESTS: NetlinkRequests = { request: exchange, driverOf, driverCounters };
