/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/*
 * What a socket is connected to, and where. All of it is read from `struct sock_common`, which connection
 * requests begin with too:
 *
 *	sock_addresses(&sk->__sk_common, event->tcp_saddr, event->tcp_daddr);
 *
 * The pointers may come from anywhere: every access is a read that may fail, and gives 0 then.
 */
#ifndef HUATUO_SOCK_H
#define HUATUO_SOCK_H

#include "kernel/net.h"

/* include/net/tcp_states.h */
enum tcp_state {
	ESTABLISHED = 1,
	SYN_SENT,
	SYN_RECV,
	FIN_WAIT1,
	FIN_WAIT2,
	TIME_WAIT,
	CLOSE,
	CLOSE_WAIT,
	LAST_ACK,
	LISTEN,
	CLOSING,
	NEW_SYN_RECV,
};

static __always_inline void mapped_ipv4(ip_addr address, u32 network_order)
{
	__builtin_memset(address, 0, 10);
	address[10] = 0xff;
	address[11] = 0xff;
	__builtin_memcpy(address + 12, &network_order, 4);
}

/* Local and remote address. An IPv6 socket that talks IPv4 has mapped addresses, which is what ip_addr wants.
 */
static __always_inline void sock_addresses(const struct sock_common *sk, ip_addr local, ip_addr remote)
{
	if (BPF_CORE_READ(sk, skc_family) == AF_INET6) {
		BPF_CORE_READ_INTO((struct in6_addr *)local, sk, skc_v6_rcv_saddr);
		BPF_CORE_READ_INTO((struct in6_addr *)remote, sk, skc_v6_daddr);
	} else {
		mapped_ipv4(local, BPF_CORE_READ(sk, skc_rcv_saddr));
		mapped_ipv4(remote, BPF_CORE_READ(sk, skc_daddr));
	}
}

static __always_inline port_nr sock_local_port(const struct sock_common *sk)
{
	return BPF_CORE_READ(sk, skc_num);
}

static __always_inline port_nr sock_remote_port(const struct sock_common *sk)
{
	return __builtin_bswap16(BPF_CORE_READ(sk, skc_dport));
}

static __always_inline enum tcp_state sock_state(const struct sock_common *sk)
{
	return BPF_CORE_READ(sk, skc_state);
}

static __always_inline netns_id sock_netns(const struct sock_common *sk)
{
	return BPF_CORE_READ(sk, skc_net.net, ns.inum);
}

/* A number that no other network namespace of this boot has had: inodes are given out again. 0 before Linux
 * 5.12. */
static __always_inline hex64 sock_netns_cookie(const struct sock_common *sk)
{
	struct net *net = BPF_CORE_READ(sk, skc_net.net);

	return bpf_core_field_exists(net->net_cookie) ? BPF_CORE_READ(net, net_cookie) : 0;
}

#endif
