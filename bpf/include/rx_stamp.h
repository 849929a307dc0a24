/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/*
 * When a driver has handed a received packet over, for programs further up that are given the same sk_buff:
 *
 *	stamp = rx_stamp_of(skb, bpf_ktime_get_ns(), &latency_ns);
 *
 * There is one slot for each hash of a pointer, where the time is written without asking what was there:
 *
 *   - That is a store, where a hash map would take a lock and an allocation for each packet of the host. And
 *     nothing has to be deleted, where packets end in a hundred places: an address that is given out again is
 *     stamped again by the driver that has it next.
 *   - Of two packets under way in one slot the first one has no stamp any more, and whoever looks is told.
 *   - GRO merges packets into the first one, a socket's backlog into its last one: the stamp is that of the
 *     oldest in it. A packet that goes through several devices (a bridge, a veth) has that of the last one.
 *   - A clone, or what a firewall has cut into pieces, may be at an address where another packet was long
 *     ago. Who comes behind the stack compares the sequence number that the stack has left with the time.
 *   - A slot is more than one word and is written without a lock. Two CPUs that do so at once exchange times
 *     that differ by nanoseconds.
 *
 * Including this attaches a program to each way into the stack. Linux >= 5.0.
 */
#ifndef HUATUO_RX_STAMP_H
#define HUATUO_RX_STAMP_H

#include "kernel/net.h"

#define RX_STAMP_BITS 15

struct rx_stamp {
	u64 packet;
	u64 received_ns;
	u32 seq;    /* first sequence number, from where it is a TCP segment */
	u32 is_tcp; /* whether it is one is known */
};
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1 << RX_STAMP_BITS);
	__type(key, u32);
	__type(value, struct rx_stamp);
} rx_stamps SEC(".maps");

/* The verifier lets a program calculate with the difference of two pointers, not with one. */
static __always_inline u64 rx_packet(const struct sk_buff *skb)
{
	return (u64)skb - (u64)&rx_stamps;
}

static __always_inline struct rx_stamp *rx_slot(u64 packet)
{
	/* 2^64 divided by the golden ratio spreads what has the same distance over all slots. */
	u32 slot = (packet * 0x9e3779b97f4a7c15ULL) >> (64 - RX_STAMP_BITS);

	return bpf_map_lookup_elem(&rx_stamps, &slot);
}

/*
 * NULL: when it came is not known. Else `*latency_ns` is how long ago that was. The time is read once: a
 * softirq may write a later one to the slot meanwhile. `now`: of bpf_ktime_get_ns().
 */
static __always_inline struct rx_stamp *rx_stamp_of(const struct sk_buff *skb, u64 now, u64 *latency_ns)
{
	u64 packet = rx_packet(skb), received_ns;
	struct rx_stamp *stamp = rx_slot(packet);

	if (!stamp || stamp->packet != packet)
		return 0;
	received_ns = *(volatile u64 *)&stamp->received_ns;
	if (received_ns > now)
		return 0;
	*latency_ns = now - received_ns;
	return stamp;
}

static __always_inline int rx_stamp(const struct sk_buff *skb)
{
	u64 packet = rx_packet(skb);
	struct rx_stamp *stamp = rx_slot(packet);

	if (!stamp)
		return 0;
	stamp->packet = packet;
	stamp->received_ns = bpf_ktime_get_ns();
	stamp->is_tcp = 0;
	return 0;
}

/* Of drivers with NAPI, whether GRO is on or not; net/core/gro.c, dev.c. */
SEC("tp_btf/napi_gro_receive_entry")
int BPF_PROG(rx_of_napi, const struct sk_buff *skb)
{
	return rx_stamp(skb);
}

SEC("tp_btf/napi_gro_frags_entry")
int BPF_PROG(rx_of_napi_in_pages, const struct sk_buff *skb)
{
	return rx_stamp(skb);
}

/* Of others, and of devices that are software. */
SEC("tp_btf/netif_receive_skb_entry")
int BPF_PROG(rx_of_one, const struct sk_buff *skb)
{
	return rx_stamp(skb);
}

SEC("tp_btf/netif_receive_skb_list_entry")
int BPF_PROG(rx_of_list, const struct sk_buff *skb)
{
	return rx_stamp(skb);
}

SEC("tp_btf/netif_rx")
int BPF_PROG(rx_of_backlog, const struct sk_buff *skb)
{
	return rx_stamp(skb);
}

#endif
