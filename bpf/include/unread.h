/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/*
 * How long the bytes of a TCP socket wait for the program that reads them. Its queue merges and splits
 * sk_buffs as it likes, so a segment is a range of sequence numbers here, and read when `copied_seq` is past
 * it, whichever way it was read: recv(), splice(), without a copy. A socket keeps two:
 *
 *	        read │ oldest ............................ newest │
 *	─────────────┴────────────────────────────────────────────┴──────► sequence numbers
 *	       copied_seq                                      rcv_nxt
 *
 * When the oldest has been read, the newest takes its place. So while there is anything to read, a segment
 * that was there before is waited for: no stall is missed, and a socket costs 48 bytes, whatever is in its
 * queue. Segments between the two are not timed.
 *
 * All programs that use this run while the socket is locked. Before Linux 5.11 (socket storage for
 * tracing) no segment is timed.
 */
#ifndef HUATUO_UNREAD_H
#define HUATUO_UNREAD_H

#include "kernel/net.h"
#include "sock_owner.h"

struct unread_segment {
	u64 received_ns; /* 0: there is none */
	u32 seq;
	u32 end_seq; /* the one behind its last */
	u32 ack_seq;
	u32 ifindex;
};

struct unread {
	struct unread_segment oldest;
	struct unread_segment newest;
};
struct {
	__uint(type, BPF_MAP_TYPE_SK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct unread);
} unread_segments SEC(".maps");

/* Sequence numbers wrap. */
static __always_inline bool seq_after(u32 seq, u32 other)
{
	return (s32)(seq - other) > 0;
}

static __always_inline void newest_becomes_oldest(struct unread *unread)
{
	unread->oldest = unread->newest;
	unread->newest.received_ns = 0;
}

/* 1 when it had to be forgotten. It was refused behind the tracepoint, or read by what does not tell us: a
 * socket map. */
static __always_inline u32 forget_gone(struct unread_segment *segment, const struct tcp_sock *tcp)
{
	if (segment->received_ns == 0)
		return 0;
	if (seq_after(segment->end_seq, tcp->copied_seq) && !seq_after(segment->end_seq, tcp->rcv_nxt))
		return 0;
	segment->received_ns = 0;
	return 1;
}

/* A segment with bytes that are new and not before their turn. Returns how many segments will not be timed
 * for it. */
static __always_inline u32 unread_arrived(struct sock *sk, const struct tcp_sock *tcp,
					  const struct unread_segment *arrived)
{
	struct unread *unread;
	u32 lost;

	if (!has_socket_storage())
		return 1;
	unread = bpf_sk_storage_get(&unread_segments, sk, 0, BPF_SK_STORAGE_GET_F_CREATE);
	if (!unread)
		return 1;
	lost = forget_gone(&unread->oldest, tcp) + forget_gone(&unread->newest, tcp);
	if (unread->oldest.received_ns == 0)
		newest_becomes_oldest(unread);
	if (unread->oldest.received_ns == 0) {
		unread->oldest = *arrived;
		return lost;
	}
	if (unread->newest.received_ns)
		lost++;
	unread->newest = *arrived;
	return lost;
}

/*
 * Segments that come before their turn wait for what is missing, not for the reader. What fills the gap makes
 * them readable, so it is not done before they are read, too: there are bytes behind the newest that was in
 * order. A FIN takes a number and is no byte.
 */
static __always_inline bool has_filled_gap(const struct unread *unread, const struct tcp_sock *tcp)
{
	return unread->newest.received_ns == 0 && tcp->rcv_nxt - tcp->copied_seq > 1;
}

/* Whether another segment has been read: then it is `*read` and forgotten. At most twice in a row. */
static __always_inline bool unread_take(struct unread *unread, const struct tcp_sock *tcp,
					struct unread_segment *read)
{
	if (unread->oldest.received_ns == 0 || seq_after(unread->oldest.end_seq, tcp->copied_seq))
		return false;
	if (has_filled_gap(unread, tcp)) {
		unread->oldest.end_seq = tcp->rcv_nxt;
		return false;
	}
	*read = unread->oldest;
	newest_becomes_oldest(unread);
	return true;
}

#endif
