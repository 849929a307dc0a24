// Generated from bpf/net_rx_latency.bpf.c by `npm run build`: change the struct there.

import type { MapOf, ObjectBinding } from '../sdk/binding.ts';

/**
 * A received TCP packet was late in the network stack, at its socket, or at the program that reads it.
 * Payload (`tracer_data`) of one document. The bytes on disk are exact; a number above 2^53 loses its last digits when
 * JSON is parsed.
 */
export interface NetRxLatencyEvent {
  /** Since the driver has handed it over [nanoseconds] */
  latency_ns: number;
  /** The stage's limit in force when the event was made [nanoseconds] */
  threshold_ns: number;
  /** Its network namespace, by a number that is never given out again in one boot; 0 before Linux 5.12 [hexadecimal, 0x…] */
  net_namespace_cookie: string;
  /** RX_STAGE_USERCOPY: memory cgroup of the process that reads. Else of the socket's owner; RX_STAGE_NETIF knows no socket [inode of a cgroup directory] */
  cgroup_id?: number;
  /** RX_STAGE_NETIF: from the network header on; RX_STAGE_TCP: from the TCP header on; RX_STAGE_USERCOPY: payload of the segment [bytes] */
  packet_len_bytes: number;
  /** Who has sent it [IP address] */
  tcp_saddr: string;
  /** The local address, or where it is forwarded to [IP address] */
  tcp_daddr: string;
  /** Network namespace: its name, its container, or its inode [network namespace] */
  net_namespace: string;
  /** Its inode [identifier] */
  net_namespace_inum: number;
  /** Device that has received it [network interface] */
  netdev_name: string;
  /** How far it was: RX_STAGE_NETIF is the network stack, RX_STAGE_TCP a socket of an established connection, RX_STAGE_USERCOPY its reader [name; the number when it has none] */
  latency_stage: 'RX_STAGE_NETIF' | 'RX_STAGE_TCP' | 'RX_STAGE_USERCOPY' | number;
  /** RX_STAGE_USERCOPY: process that has read it [identifier] */
  pid?: number;
  /** Name of its thread [text] */
  comm?: string;
  /** Where cgroup_id is from, when it is not that of the process that reads [name; the number when it has none] */
  owner_known_by?: 'unknown_owner' | 'connect_or_listen' | 'socket_memory' | 'socket_creation' | number;
  /** State of the socket; RX_STAGE_NETIF knows none [name; the number when it has none] */
  tcp_state?:
    | 'ESTABLISHED'
    | 'SYN_SENT'
    | 'SYN_RECV'
    | 'FIN_WAIT1'
    | 'FIN_WAIT2'
    | 'TIME_WAIT'
    | 'CLOSE'
    | 'CLOSE_WAIT'
    | 'LAST_ACK'
    | 'LISTEN'
    | 'CLOSING'
    | 'NEW_SYN_RECV'
    | number;
  /** First sequence number of the segment [identifier] */
  tcp_seq: number;
  /** What it acknowledges [identifier] */
  tcp_ack_seq: number;
  /** Port of who has sent it [identifier] */
  tcp_sport: number;
  /** The other port [identifier] */
  tcp_dport: number;
}

/** Value of the map `rx_stamps`. */
export interface NetRxLatencyRxStampsValue {
  /** [count] */
  packet: number;
  /** [nanoseconds] */
  received_ns: number;
  /** [count] */
  seq: number;
  /** [count] */
  is_tcp: number;
}

/** Value of the map `sock_owners`. */
export interface NetRxLatencySockOwnersValue {
  /** [inode of a cgroup directory] */
  cgroup_id: bigint;
  /** [identifier] */
  pid: number;
  /** [text] */
  comm: string;
  /** [name; the number when it has none] */
  known_by: 'unknown_owner' | 'connect_or_listen' | 'socket_memory' | 'socket_creation' | number;
}

/** Value of the map `unread_segments`. */
export interface NetRxLatencyUnreadSegmentsValue {
  oldest: {
    /** [nanoseconds] */
    received_ns: number;
    /** [count] */
    seq: number;
    /** [count] */
    end_seq: number;
    /** [count] */
    ack_seq: number;
    /** [count] */
    ifindex: number;
  };
  newest: {
    /** [nanoseconds] */
    received_ns: number;
    /** [count] */
    seq: number;
    /** [count] */
    end_seq: number;
    /** [count] */
    ack_seq: number;
    /** [count] */
    ifindex: number;
  };
}

/** Value of the map `latencies`. */
export interface NetRxLatencyLatenciesValue {
  /** [count] */
  slots: number[];
  /** [count] */
  sum: number;
}

/** Value of the map `cgroups`. */
export interface NetRxLatencyCgroupsValue {
  /** [count] */
  segments_total: number;
  /** [nanoseconds] */
  latency_ns: number;
}

/** What `ctx` of the collector `net_rx_latency` knows of its object. */
export interface NetRxLatencyObject {
  event: NetRxLatencyEvent;
  options: {
    /** Packets that come to the stack at least this late become events */
    netif_threshold_ns: number;
    /** Packets that come to TCP at least this late become events */
    tcp_threshold_ns: number;
    /** Packets that are read at least this late become events */
    usercopy_threshold_ns: number;
    /** Events beyond this rate are counted as rate limited, not written, 0 is no limit */
    max_events_per_second_per_cpu: number;
  };
  maps: {
    container_cgroups: MapOf<bigint, boolean>;
    rx_stamps: MapOf<number, NetRxLatencyRxStampsValue>;
    sock_owners: MapOf<number, NetRxLatencySockOwnersValue>;
    unread_segments: MapOf<number, NetRxLatencyUnreadSegmentsValue>;
    latencies: MapOf<
      'RX_STAGE_NETIF' | 'RX_STAGE_TCP' | 'RX_STAGE_USERCOPY' | number,
      NetRxLatencyLatenciesValue
    >;
    untimed: MapOf<'RX_STAGE_NETIF' | 'RX_STAGE_TCP' | 'RX_STAGE_USERCOPY' | number, number>;
    cgroups: MapOf<bigint, NetRxLatencyCgroupsValue>;
    cgroups_moved: MapOf<Uint8Array, Uint8Array>;
  };
}

export const netRxLatency: ObjectBinding<NetRxLatencyObject> = { object: 'net_rx_latency' };
