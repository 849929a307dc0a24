// Generated from bpf/dropwatch.bpf.c by `npm run build`: change the struct there.

import type { MapOf, ObjectBinding } from '../sdk/binding.ts';

/**
 * The kernel has thrown a packet away.
 * Payload (`tracer_data`) of one document. The bytes on disk are exact; a number above 2^53 loses its last digits when
 * JSON is parsed.
 */
export interface DropwatchEvent {
  /** Where in the kernel: who has called kfree_skb() [symbol+offset] */
  drop_location: string;
  /** Network namespace in which it was thrown away, by a number that is never given out again in one boot. Linux >= 5.12 [hexadecimal, 0x…] */
  net_namespace_cookie?: string;
  /** Memory cgroup of the socket's owner, who may be in another network namespace [inode of a cgroup directory] */
  cgroup_id?: number;
  /** Addresses, ports and first sequence number of a TCP segment as one number: the same in documents of tcp_retransmit about this segment, unless addresses are translated in between. None behind extension headers of IPv6 [hexadecimal, 0x…] */
  tcp_segment_id?: string;
  /** The packet's buffer, as trace events of the kernel have it; the next packet may have the same [hexadecimal, 0x…] */
  packet_skb_addr: string;
  /** Bytes of the packet from where the kernel has come to in its headers [bytes] */
  packet_len_bytes: number;
  /** Flags of the device, IFF_ of linux/if.h: 0x1 is up, 0x40 running [hexadecimal, 0x…] */
  netdev_flags?: string;
  /** The namespace's name, its container, or its inode [network namespace] */
  net_namespace?: string;
  /** Its inode [identifier] */
  net_namespace_inum?: number;
  /** Device that has received the packet, or should have sent it [text] */
  netdev_name?: string;
  /** Its index [identifier] */
  netdev_ifindex?: number;
  /** Queue of the device [identifier] */
  netdev_queue_mapping: number;
  /** Why. NOT_SPECIFIED is what the kernel says where it was not taught to tell, and before Linux 5.17 [the kernel's name; the number when it has none] */
  drop_reason: string | number;
  /** software: the kernel [name; the number when it has none] */
  drop_source: 'software' | number;
  /** State of the socket: of the one that should have got the packet, else of the one that has sent it. For other protocols than TCP it is ESTABLISHED when connected, else CLOSE [name; the number when it has none] */
  sk_state?:
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
  /** Process that called connect() or listen() on the TCP socket while the collector ran [identifier] */
  pid?: number;
  /** Its name then [text] */
  comm?: string;
  /** Where cgroup_id is from. Without one the container is that of net_namespace, if it is one's own [name; the number when it has none] */
  owner_known_by: 'unknown_owner' | 'connect_or_listen' | 'socket_memory' | 'socket_creation' | number;
  /** Kernel stack, innermost first [symbol+offset, innermost first] */
  stack: string[];
  /** Headers of the packet; of what is no packet of a network, such as a message between local sockets, there are none */
  layers?: {
    /** The packet in one line [text] */
    label: string;
    /** Ethernet header, where the packet had one */
    ether?: {
      /** Source [text] */
      saddr: string;
      /** Destination [text] */
      daddr: string;
      /** Protocol of what follows its VLAN tags [text] */
      type: string;
    };
    /** Its outermost VLAN tag */
    vlan?: {
      /** Number of the VLAN [identifier] */
      id: number;
      /** Priority code point [identifier] */
      priority: number;
      /** Number of the VLAN within it [identifier] */
      inner_id?: number;
    };
    /** IPv4 header */
    ipv4?: {
      /** 4 [identifier] */
      version: number;
      /** Length of the header, in words of four bytes [identifier] */
      ihl: number;
      /** Type of service [identifier] */
      tos: number;
      /** Length of header and payload [identifier] */
      len: number;
      /** Identification [identifier] */
      id: number;
      /** DF, MF, both with a comma between them, or nothing [text] */
      flags: string;
      /** Where the fragment belongs, in units of eight bytes [identifier] */
      frag_offset: number;
      /** Time to live [identifier] */
      ttl: number;
      /** Protocol of the payload [text] */
      protocol: string;
      /** Checksum of the header [identifier] */
      checksum: number;
      /** Source [IP address] */
      saddr: string;
      /** Destination [IP address] */
      daddr: string;
    };
    /** IPv6 header */
    ipv6?: {
      /** 6 [identifier] */
      version: number;
      /** Traffic class [identifier] */
      traffic_class: number;
      /** Flow label [identifier] */
      flow_label: number;
      /** Length of what follows the header [identifier] */
      len: number;
      /** What follows the header: an extension header or the payload [text] */
      next_header: string;
      /** Hop limit [identifier] */
      hop_limit: number;
      /** Source [IP address] */
      saddr: string;
      /** Destination [IP address] */
      daddr: string;
      /** Protocol of the payload, behind the extension headers [text] */
      protocol?: string;
      /** Where the fragment belongs, in units of eight bytes [identifier] */
      frag_offset?: number;
    };
    /** TCP header */
    tcp?: {
      /** Source port [identifier] */
      sport: number;
      /** Destination port [identifier] */
      dport: number;
      /** Sequence number [identifier] */
      seq: number;
      /** Acknowledged sequence number [identifier] */
      ack_seq: number;
      /** Length of the header, in words of four bytes [identifier] */
      data_offset: number;
      /** As tcpdump writes them: F FIN, S SYN, R RST, P PSH, . ACK, U URG, E ECE, W CWR [text] */
      flags: string;
      /** Window, not scaled [identifier] */
      window: number;
      /** Checksum [identifier] */
      checksum: number;
      /** Urgent pointer [identifier] */
      urgent: number;
    };
    /** UDP header */
    udp?: {
      /** Source port [identifier] */
      sport: number;
      /** Destination port [identifier] */
      dport: number;
      /** Length of header and payload [identifier] */
      len: number;
      /** Checksum [identifier] */
      checksum: number;
    };
    /** ICMP or ICMPv6 header */
    icmp?: {
      /** What it says; the number when it has no name here [text] */
      type: string;
      /** Code [identifier] */
      code: number;
      /** Checksum [identifier] */
      checksum: number;
      /** Of an echo: its identifier [identifier] */
      id?: number;
      /** Of an echo: its sequence number [identifier] */
      seq?: number;
    };
    /** ARP for IPv4 over Ethernet */
    arp?: {
      /** Kind of hardware address [text] */
      addr_type: string;
      /** Kind of protocol address [text] */
      protocol: string;
      /** Bytes of a hardware address [identifier] */
      hw_address_size: number;
      /** Bytes of a protocol address [identifier] */
      prot_address_size: number;
      /** request, reply, or the number [text] */
      operation: string;
      /** Hardware address of the sender [text] */
      sender_mac: string;
      /** Address of the sender [IP address] */
      sender_ip: string;
      /** Hardware address of the target; zeros in a request [text] */
      target_mac: string;
      /** Address of the target [IP address] */
      target_ip: string;
    };
  };
}

/** Value of the map `filter_machines`. */
export interface DropwatchFilterMachinesValue {
  machine: {
    /** [count] */
    a: number;
    /** [count] */
    x: number;
    /** [count] */
    pc: number;
    /** [count] */
    passes: number;
    /** [count] */
    memory: number[];
    packet: {
      /** [count] */
      start: number;
      /** [count] */
      flags: number;
      /** [count] */
      end: number;
      /** [count] */
      length: number;
      /** [count] */
      bytes: number[];
    };
  };
  /** [count] */
  is_taken: number;
}

/** Value of the map `packet_filter`. */
export interface DropwatchPacketFilterValue {
  /** [count] */
  length: number;
  /** [hexadecimal, 0x…] */
  instructions: string[];
}

/** Value of the map `sock_owners`. */
export interface DropwatchSockOwnersValue {
  /** [inode of a cgroup directory] */
  cgroup_id: bigint;
  /** [identifier] */
  pid: number;
  /** [text] */
  comm: string;
  /** [name; the number when it has none] */
  known_by: 'unknown_owner' | 'connect_or_listen' | 'socket_memory' | 'socket_creation' | number;
}

/** What `ctx` of the collector `dropwatch` knows of its object. */
export interface DropwatchObject {
  event: DropwatchEvent;
  options: {
    /** Drops beyond this rate are counted as rate limited, not written, 0 is no limit; the counters have them all */
    max_events_per_second_per_cpu: number;
  };
  maps: {
    filter_machines: MapOf<number, DropwatchFilterMachinesValue>;
    packet_filter: MapOf<number, DropwatchPacketFilterValue>;
    sock_owners: MapOf<number, DropwatchSockOwnersValue>;
    drops: MapOf<number, number>;
    suppressed_reasons: MapOf<number, number>;
  };
}

export const dropwatch: ObjectBinding<DropwatchObject> = { object: 'dropwatch' };
