/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/* Sockets, TCP and devices: include/net/sock.h, inet_connection_sock.h, request_sock.h, tcp.h,
 * include/linux/tcp.h, skbuff.h, netdevice.h, device.h, device/driver.h */
#ifndef HUATUO_KERNEL_NET_H
#define HUATUO_KERNEL_NET_H

#include "kernel/cgroup.h"

/* include/uapi/linux/if_ether.h */
#define ETH_P_IP   0x0800
#define ETH_P_IPV6 0x86dd

/* include/uapi/linux/in.h, ipv6.h; include/net/ip.h */
#define IPPROTO_TCP	  6
#define IPV6_HEADER_BYTES 40
#define IP_OFFSET	  0x1fff

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct mem_cgroup;

struct ns_common {
	unsigned int inum;
};

struct net {
	struct ns_common ns;
	u64 net_cookie; /* Linux >= 5.12 */
};

typedef struct {
	struct net *net;
} possible_net_t;

struct in6_addr {
	u8 bytes[16];
};

/* What sockets, connection requests and sockets in TIME_WAIT have in common. */
struct sock_common {
	u32 skc_daddr; /* network byte order, as the next two addresses and skc_dport */
	u32 skc_rcv_saddr;
	u16 skc_dport;
	u16 skc_num; /* host byte order */
	unsigned short skc_family;
	volatile unsigned char skc_state;
	possible_net_t skc_net;
	struct in6_addr skc_v6_daddr;
	struct in6_addr skc_v6_rcv_saddr;
};

struct sock_cgroup_data {
	struct cgroup *cgroup; /* Linux >= 5.15: before, v1 numbers could be in its place */
};

typedef struct {
	int owned; /* by a task; 0 in a softirq that has it */
} socket_lock_t;

struct sock {
	struct sock_common __sk_common;
	struct mem_cgroup *sk_memcg;
	struct sock_cgroup_data sk_cgrp_data;
	socket_lock_t sk_lock;
};

struct request_sock {
	struct sock_common __req_common;
	u8 num_retrans;
};

struct inet_connection_sock {
	u8 icsk_ca_state : 5;
	u8 icsk_retransmits;
	u8 icsk_pending;
};

struct tcp_sock {
	u32 rcv_nxt;
	u32 copied_seq; /* the first byte that was not read yet */
	u32 srtt_us;	/* eighths of a microsecond */
	u32 snd_cwnd;
	u32 undo_marker;
	u32 reord_seen;
	u32 dsack_dups;
	u32 total_retrans;
};

struct tcp_request_sock {
	u32 snt_isn;
	u32 rcv_nxt;
};

struct device_driver {
	const char *name;
};

struct device {
	struct device *parent;
	struct device_driver *driver;
};

struct net_device {
	unsigned int flags;
	int ifindex;
	unsigned short type; /* ARPHRD_… of linux/if_arp.h */
	possible_net_t nd_net;
	char name[16];
	struct device dev;
};

struct sk_buff {
	struct net_device *dev; /* TCP has other uses for its place */
	struct sock *sk;
	int skb_iif; /* interface that has received it */
	char cb[48];
	unsigned int len;
	u16 queue_mapping;
	u16 vlan_proto; /* network byte order, as protocol */
	u16 vlan_tci;
	u32 vlan_all;	     /* both; Linux >= 6.1 */
	u8 vlan_present : 1; /* before */
	u16 protocol;	     /* network byte order */
	u16 network_header;  /* from head, as the next two; 0 when it was not set */
	u16 mac_header;
	u32 tail;
	unsigned char *head;
	unsigned char *data;
};

/* What TCP keeps in sk_buff.cb of a segment. */
struct tcp_skb_cb {
	u32 seq;
	u32 end_seq;
	u16 tcp_gso_segs; /* of one that it sends */
	u16 tcp_flags;	  /* u8 before Linux 6.15: read it as a bit-field, which looks at its size */
	u32 ack_seq;	  /* of one that it has received */
};

/* Of the event, whose fields say which arguments the tracepoint has. */
struct trace_event_raw_tcp_retransmit_skb {
	int err; /* Linux >= 6.16 */
};

/* Numbers differ from kernel to kernel, but for those two. */
enum skb_drop_reason { SKB_NOT_DROPPED_YET = 0, SKB_DROP_REASON_NOT_SPECIFIED = 2 };

/* Likewise. */
struct trace_event_raw_kfree_skb {
	enum skb_drop_reason reason; /* Linux >= 5.17 */
	void *rx_sk;		     /* Linux >= 6.11 */
};

#pragma clang attribute pop

#define AF_INET	 2
#define AF_INET6 10

#endif
