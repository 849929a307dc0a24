/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/*
 * One number for a TCP segment on its way in one direction, by which documents of several collectors are
 * known to be about the same one:
 *
 *	event->tcp_segment_id = tcp_segment_id(source, destination, source_port, destination_port, seq);
 *
 * An address in memory is no such number: what is sent is a clone of what TCP keeps, every queue may copy it
 * again, and it is given out anew when the packet is gone. Addresses, ports and the first sequence number are
 * written in the packet itself and stay the same when it is sent again. They are not when it is translated
 * (NAT), or merged and split on its way: then the id is that of the first segment in it.
 */
#ifndef HUATUO_TCP_SEGMENT_H
#define HUATUO_TCP_SEGMENT_H

#include "packet.h"
#include "sock.h"

/* The finalizer of MurmurHash3. It is a bijection. */
static __always_inline u64 tcp_segment_mix(u64 hash)
{
	hash = (hash ^ hash >> 33) * 0xff51afd7ed558ccdULL;
	hash = (hash ^ hash >> 33) * 0xc4ceb9fe1a85ec53ULL;
	return hash ^ hash >> 33;
}

/* Numbers in host byte order. Two segments between the same addresses never have the same id: ports and
 * sequence number are as many bits as it has, and each step is a bijection. */
static __always_inline hex64 tcp_segment_id(const ip_addr source, const ip_addr destination, port_nr sport,
					    port_nr dport, u32 seq)
{
	u64 hash = (u64)sport << 48 | (u64)dport << 32 | seq;
	u64 words[4];

	__builtin_memcpy(words, source, 16);
	__builtin_memcpy(words + 2, destination, 16);
	for (int i = 0; i < 4; i++)
		hash = tcp_segment_mix(hash ^ words[i]);
	return hash;
}

static __always_inline u16 packet_be16(const struct packet_head *packet, u32 at)
{
	return packet->bytes[at] << 8 | packet->bytes[at + 1];
}

/*
 * Of a packet by its headers (packet.h); 0 where they are not those of a segment, not all of them were
 * copied, or another header is between those of IP and TCP.
 */
static __always_inline hex64 packet_tcp_segment_id(const struct packet_head *packet)
{
	const u8 *ip = packet->bytes + PACKET_NETWORK;
	u16 protocol = packet_be16(packet, PACKET_NETWORK - 2);
	ip_addr source, destination;
	u32 tcp;

	if (protocol == ETH_P_IP && ip[9] == IPPROTO_TCP &&
	    !(packet_be16(packet, PACKET_NETWORK + 6) & IP_OFFSET)) {
		u32 addresses[2];

		__builtin_memcpy(addresses, ip + 12, 8);
		mapped_ipv4(source, addresses[0]);
		mapped_ipv4(destination, addresses[1]);
		tcp = PACKET_NETWORK + (ip[0] & 15) * 4;
	} else if (protocol == ETH_P_IPV6 && ip[6] == IPPROTO_TCP) {
		__builtin_memcpy(source, ip + 8, 16);
		__builtin_memcpy(destination, ip + 24, 16);
		tcp = PACKET_NETWORK + IPV6_HEADER_BYTES;
	} else {
		return 0;
	}
	if (tcp + 8 > packet->end)
		return 0;
	return tcp_segment_id(source, destination, packet_be16(packet, tcp), packet_be16(packet, tcp + 2),
			      (u32)packet_be16(packet, tcp + 4) << 16 | packet_be16(packet, tcp + 6));
}

#endif
