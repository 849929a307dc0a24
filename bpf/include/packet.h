/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/*
 * The first bytes of a packet, as an Ethernet frame whatever the packet is:
 *
 *	packet_head_t layers OPTIONAL DOC("…");		packet_copy(skb, &event->layers);
 *
 * The reader makes an object of its headers (wasm/packet.ts), and a filter (packet_filter.h) sees them all at
 * the same places. Where the packet has no Ethernet header, on its way out or on a tunnel, the frame begins
 * with one whose addresses are zero. A VLAN tag that the device has taken off is put back.
 *
 *	bytes	0	4	       16	18	     end
 *		│MACs	│			│
 *		│	     tag       │type	│ IP, ARP …  │	with a tag, start is 0
 *		│	│MACs	       │type	│	     │	without, start is 4
 */
#ifndef HUATUO_PACKET_H
#define HUATUO_PACKET_H

#include "kernel/net.h"

#define PACKET_HAS_ETHER 1 /* its addresses are those of the packet */
#define PACKET_NETWORK	 18
/* IPv4 and TCP with all options, or IPv6, 20 bytes of extension headers and TCP with options. */
#define PACKET_NETWORK_BYTES 128

typedef struct packet_head {
	u8 start;
	u8 flags;
	u16 end;    /* 0: it is no packet of a network */
	u32 length; /* bytes of the whole frame, copied or not */
	/* Rounded up, so that a load at any place below `end` is within. */
	u8 bytes[152];
} packet_head_t;

#define ETH_P_8021Q	0x8100
#define ETHER_BYTES	14
#define NO_MAC		0xffff
#define ARPHRD_ETHER	1
#define ARPHRD_LOOPBACK 772

static __always_inline bool packet_has_tag(const struct sk_buff *skb)
{
	if (bpf_core_field_exists(skb->vlan_all))
		return BPF_CORE_READ(skb, vlan_all) != 0;
	return bpf_core_field_exists(skb->vlan_present) && BPF_CORE_READ_BITFIELD_PROBED(skb, vlan_present);
}

/* In network byte order. What is sent may not have it yet; then the packet says what it is. */
static __always_inline u16 packet_protocol(const struct sk_buff *skb, u8 version)
{
	if (skb->protocol)
		return skb->protocol;
	if (version == 4)
		return __builtin_bswap16(ETH_P_IP);
	return version == 6 ? __builtin_bswap16(ETH_P_IPV6) : 0;
}

/* The addresses, when there is an Ethernet header right in front of the network's, but for tags. */
static __always_inline bool packet_copy_addresses(const struct sk_buff *skb, u8 *to)
{
	const struct net_device *dev = skb->dev;
	u16 type = dev ? BPF_CORE_READ(dev, type) : 0;
	u32 before = (u32)skb->network_header - skb->mac_header;

	if (skb->mac_header == NO_MAC || before < ETHER_BYTES || before > ETHER_BYTES + 8)
		return false;
	if (type != ARPHRD_ETHER && type != ARPHRD_LOOPBACK)
		return false;
	return bpf_probe_read_kernel(to, 12, skb->head + skb->mac_header) == 0;
}

/*
 * Copies the head of `skb`, an argument of the tracepoint, into `packet`, which is zero. What has no network
 * header (AF_UNIX, netlink, a frame a driver has not looked at) is payload, and not copied.
 */
static __always_inline void packet_copy(const struct sk_buff *skb, struct packet_head *packet)
{
	u32 bytes = skb->tail - skb->network_header;
	u8 addresses[12] = {};
	u16 protocol;

	if (skb->network_header == 0 || skb->network_header >= skb->tail)
		return;
	if (bytes > PACKET_NETWORK_BYTES)
		bytes = PACKET_NETWORK_BYTES;
	if (bpf_probe_read_kernel(packet->bytes + PACKET_NETWORK, bytes, skb->head + skb->network_header) !=
	    0)
		return;
	packet->end = PACKET_NETWORK + bytes;
	/* `len` counts from `data`, which moves through the headers. */
	packet->length = skb->len + (u32)(skb->data - skb->head) - skb->network_header + ETHER_BYTES;
	protocol = packet_protocol(skb, packet->bytes[PACKET_NETWORK] >> 4);
	__builtin_memcpy(packet->bytes + PACKET_NETWORK - 2, &protocol, 2);
	if (packet_copy_addresses(skb, addresses))
		packet->flags = PACKET_HAS_ETHER;
	if (packet_has_tag(skb)) {
		u16 tag[2] = {skb->vlan_proto, __builtin_bswap16(skb->vlan_tci)};

		packet->length += sizeof(tag);
		__builtin_memcpy(packet->bytes, addresses, 12);
		__builtin_memcpy(packet->bytes + 12, tag, 4);
	} else {
		packet->start = 4;
		__builtin_memcpy(packet->bytes + 4, addresses, 12);
	}
}

#endif
