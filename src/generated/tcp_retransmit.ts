// Generated from bpf/tcp_retransmit.bpf.c by `npm run build`: change the struct there.

import type { MapOf, ObjectBinding } from '../sdk/binding.ts';

/**
 * TCP has sent a segment again.
 * Payload (`tracer_data`) of one document. The bytes on disk are exact; a number above 2^53 loses its last digits when
 * JSON is parsed.
 */
export interface TcpRetransmitEvent {
  /** Its network namespace, by a number that is never given out again in one boot; 0 before Linux 5.12 [hexadecimal, 0x…] */
  net_namespace_cookie: string;
  /** Memory cgroup of the socket's owner [inode of a cgroup directory] */
  cgroup_id?: number;
  /** Addresses, ports and first sequence number as one number: the same in documents of dropwatch about this segment, unless addresses are translated in between [hexadecimal, 0x…] */
  tcp_segment_id: string;
  /** The buffer that TCP keeps, as trace events of the kernel have it; what it sends is a copy at another address. A SYN-ACK has none [hexadecimal, 0x…] */
  skb_addr?: string;
  /** Smoothed round-trip time, once it was measured [nanoseconds] */
  srtt_ns?: number;
  /** Payload that is sent again [bytes] */
  skb_bytes: number;
  /** Local address [IP address] */
  tcp_saddr: string;
  /** Remote address [IP address] */
  tcp_daddr: string;
  /** Network namespace of the socket: its name, its container, or its inode [network namespace] */
  net_namespace: string;
  /** Its inode [identifier] */
  net_namespace_inum: number;
  /** Process that called connect() or listen() while the collector ran [identifier] */
  pid?: number;
  /** Its name then [text] */
  comm?: string;
  /** Where cgroup_id is from [name; the number when it has none] */
  owner_known_by: 'unknown_owner' | 'connect_or_listen' | 'socket_memory' | 'socket_creation' | number;
  /** RTO: the timer has expired; slow_start: acknowledgements after an RTO ask for more; fast_retransmit: later segments have arrived; TLP: a probe for a lost tail; SYN and SYN_ACK: of the handshake, by its timer; non_congestion: the path's MTU has shrunk, or a SYN's data was not taken (TCP Fast Open) [name; the number when it has none] */
  tcp_reason:
    | 'unknown'
    | 'SYN'
    | 'SYN_ACK'
    | 'RTO'
    | 'slow_start'
    | 'fast_retransmit'
    | 'TLP'
    | 'non_congestion'
    | number;
  /** State of the socket [name; the number when it has none] */
  tcp_state:
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
  /** connect: before the connection is established; close: after the own FIN [name; the number when it has none] */
  phase: 'connect' | 'data' | 'close' | number;
  /** Tracepoint that has told [name; the number when it has none] */
  event_type: 'tcp_retransmit_skb' | 'tcp_retransmit_synack' | number;
  /** State of congestion control; Open before there is any [the kernel's name; the number when it has none] */
  ca_state: string | number;
  /** Timer that is pending, or runs [name; the number when it has none] */
  icsk_pending: 'none' | 'retransmission' | 'zero_window' | 'loss_probe' | 'reordering' | number;
  /** First sequence number of the segment [identifier] */
  tcp_seq: number;
  /** The one behind its last [identifier] */
  tcp_end_seq: number;
  /** Sequence number that is expected from the other end [identifier] */
  tcp_ack_seq: number;
  /** Times this connection has seen reordering [count] */
  reord_seen: number;
  /** Segments the other end has reported as received twice: retransmissions that were not needed [count] */
  dsack_dups: number;
  /** Congestion window, in segments [count] */
  snd_cwnd?: number;
  /** Segments this connection has sent again, this one included [count] */
  retransmits_total: number;
  /** Segments on the wire that the buffer becomes [count] */
  segments: number;
  /** Expiries of the retransmission timer in a row; of a SYN-ACK: times it was sent again before [count] */
  icsk_retransmits: number;
  /** Local port [identifier] */
  tcp_sport: number;
  /** Remote port [identifier] */
  tcp_dport: number;
  /** Flags of the segment as tcpdump writes them: S SYN, F FIN, R RST, P PSH, . ACK [text] */
  tcp_flags: string;
}

/** Value of the map `sock_owners`. */
export interface TcpRetransmitSockOwnersValue {
  /** [inode of a cgroup directory] */
  cgroup_id: bigint;
  /** [identifier] */
  pid: number;
  /** [text] */
  comm: string;
  /** [name; the number when it has none] */
  known_by: 'unknown_owner' | 'connect_or_listen' | 'socket_memory' | 'socket_creation' | number;
}

/** What `ctx` of the collector `tcp_retransmit` knows of its object. */
export interface TcpRetransmitObject {
  event: TcpRetransmitEvent;
  options: {
    /** Events beyond this rate are counted as rate limited, not written, 0 is no limit; the counters have them all */
    max_events_per_second_per_cpu: number;
  };
  maps: {
    sock_owners: MapOf<number, TcpRetransmitSockOwnersValue>;
    retransmits: MapOf<
      | 'unknown'
      | 'SYN'
      | 'SYN_ACK'
      | 'RTO'
      | 'slow_start'
      | 'fast_retransmit'
      | 'TLP'
      | 'non_congestion'
      | number,
      number
    >;
  };
}

export const tcpRetransmit: ObjectBinding<TcpRetransmitObject> = { object: 'tcp_retransmit' };
