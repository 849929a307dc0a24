/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/* The headers of a TCP segment that has no socket yet: as it comes to the network stack. */
#ifndef HUATUO_TCP_HEADER_H
#define HUATUO_TCP_HEADER_H

#include "sock.h"

/* Room for a network header of 60 bytes, which is the longest of IPv4, and the TCP header. */
#define TCP_HEADERS_BYTES 80

struct tcp_headers {
	u8 bytes[TCP_HEADERS_BYTES];
	u32 tcp; /* where the TCP header begins */
};

static __always_inline u16 be16_at(const u8 *bytes)
{
	return bytes[0] << 8 | bytes[1];
}

static __always_inline u32 be32_at(const u8 *bytes)
{
	u32 value;

	__builtin_memcpy(&value, bytes, sizeof(value));
	return __builtin_bswap32(value);
}

/*
 * `skb->data` is at the network header. False: it is no TCP segment, or a later fragment of one, or another
 * header is before TCP's (a VLAN tag that the device has left, an extension of IPv6). Where a driver has put
 * the headers into pages, what is read is other memory of the buffer, in which case true means nothing.
 */
static __always_inline bool read_tcp_headers(const struct sk_buff *skb, struct tcp_headers *found)
{
	u16 protocol = __builtin_bswap16(skb->protocol);

	if (protocol != ETH_P_IP && protocol != ETH_P_IPV6)
		return false;
	if (bpf_probe_read_kernel(found->bytes, TCP_HEADERS_BYTES, skb->data))
		return false;
	if (protocol == ETH_P_IPV6) {
		found->tcp = IPV6_HEADER_BYTES;
		return found->bytes[6] == IPPROTO_TCP;
	}
	found->tcp = (found->bytes[0] & 15) * 4;
	return found->bytes[9] == IPPROTO_TCP && (be16_at(found->bytes + 6) & IP_OFFSET) == 0;
}

static __always_inline u32 tcp_header_seq(const struct tcp_headers *headers)
{
	return be32_at(headers->bytes + headers->tcp + 4);
}

static __always_inline u32 tcp_header_ack_seq(const struct tcp_headers *headers)
{
	return be32_at(headers->bytes + headers->tcp + 8);
}

static __always_inline port_nr tcp_header_source(const struct tcp_headers *headers)
{
	return be16_at(headers->bytes + headers->tcp);
}

static __always_inline port_nr tcp_header_destination(const struct tcp_headers *headers)
{
	return be16_at(headers->bytes + headers->tcp + 2);
}

static __always_inline void tcp_header_addresses(const struct tcp_headers *headers, ip_addr source,
						 ip_addr destination)
{
	const u8 *ip = headers->bytes;

	if (ip[0] >> 4 == 6) {
		__builtin_memcpy(source, ip + 8, 16);
		__builtin_memcpy(destination, ip + 24, 16);
	} else {
		mapped_ipv4(source, __builtin_bswap32(be32_at(ip + 12)));
		mapped_ipv4(destination, __builtin_bswap32(be32_at(ip + 16)));
	}
}

#endif
