// SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0
/*
 * TCP sends a segment again. Why it does is nowhere written down, but the socket's state at that moment
 * tells; see reason_of(). Linux >= 5.10.
 */
#include "event.h"
#include "metric.h"
#include "ratelimit.h"
#include "sock_owner.h"
#include "tcp_segment.h"

enum retransmit_reason {
	unknown,
	SYN,
	SYN_ACK,
	RTO,
	slow_start,
	fast_retransmit,
	TLP,
	non_congestion,
};
#define REASONS 8

enum retransmit_phase { connect, data, close };

/* Timer that is pending, include/net/inet_connection_sock.h ICSK_TIME_*; while the retransmission timer's or
 * the zero window probe's own handler runs there is none. */
enum retransmit_timer { none = 0, retransmission = 1, zero_window = 3, loss_probe = 5, reordering = 6 };

enum retransmit_tracepoint { tcp_retransmit_skb, tcp_retransmit_synack };

struct tcp_retransmit_event {
	ktime_ns time DOC("When the segment was sent again");
	hex64 net_namespace_cookie DOC("Its network namespace, by a number that is never given out again in "
				       "one boot; 0 before Linux 5.12");
	memory_cgroup_id cgroup_id OPTIONAL DOC("Memory cgroup of the socket's owner");
	hex64 tcp_segment_id DOC("Addresses, ports and first sequence number as one number: the same in "
				 "documents of dropwatch about "
				 "this segment, unless addresses are translated in between");
	kaddr
	    skb_addr OPTIONAL DOC("The buffer that TCP keeps, as trace events of the kernel have it; what it "
				  "sends is a copy at another address. A SYN-ACK has none");
	dur_ns srtt_ns OPTIONAL DOC("Smoothed round-trip time, once it was measured");
	bytes64 skb_bytes DOC("Payload that is sent again");
	ip_addr tcp_saddr DOC("Local address");
	ip_addr tcp_daddr DOC("Remote address");
	netns_id net_namespace DOC("Network namespace of the socket: its name, its container, or its inode");
	index32 net_namespace_inum DOC("Its inode");
	pid_nr pid OPTIONAL DOC("Process that called connect() or listen() while the collector ran");
	comm_t comm OPTIONAL DOC("Its name then");
	enum owner_known_by owner_known_by DOC("Where cgroup_id is from");
	enum retransmit_reason tcp_reason DOC("RTO: the timer has expired; slow_start: acknowledgements "
					      "after an RTO ask for more; fast_retransmit: "
					      "later segments have arrived; TLP: a probe for a lost tail; "
					      "SYN and SYN_ACK: of the handshake, by its "
					      "timer; non_congestion: the path's MTU has shrunk, or a SYN's "
					      "data was not taken (TCP Fast Open)");
	enum tcp_state tcp_state DOC("State of the socket");
	enum retransmit_phase
	    phase DOC("connect: before the connection is established; close: after the own FIN");
	enum retransmit_tracepoint event_type DOC("Tracepoint that has told");
	index32 ca_state KERNEL_ENUM("tcp_ca_state")
	    DOC("State of congestion control; Open before there is any");
	enum retransmit_timer icsk_pending DOC("Timer that is pending, or runs");
	index32 tcp_seq DOC("First sequence number of the segment");
	index32 tcp_end_seq DOC("The one behind its last");
	index32 tcp_ack_seq DOC("Sequence number that is expected from the other end");
	count32 reord_seen_events JSON("reord_seen") DOC("Times this connection has seen reordering");
	count32 dsack_dups_packets JSON("dsack_dups") DOC(
	    "Segments the other end has reported as received twice: retransmissions that were not needed");
	count32 snd_cwnd_packets JSON("snd_cwnd") OPTIONAL DOC("Congestion window, in segments");
	count32 retransmits_total DOC("Segments this connection has sent again, this one included");
	count32 segments_packets JSON("segments") DOC("Segments on the wire that the buffer becomes");
	count32 icsk_retransmits_count JSON("icsk_retransmits") DOC(
	    "Expiries of the retransmission timer in a row; of a SYN-ACK: times it was sent again before");
	port_nr tcp_sport DOC("Local port");
	port_nr tcp_dport DOC("Remote port");
	text8_t
	    tcp_flags DOC("Flags of the segment as tcpdump writes them: S SYN, F FIN, R RST, P PSH, . ACK");
} DOC("TCP has sent a segment again") SEVERITY(warning) SCHEMA(1);
EVENT_RING(tcp_retransmit_event, 1 << 19);
QUESTION("Which TCP segments were sent again, why, in which state of the connection, and whose is the "
	 "socket? Counters by reason");
KERNEL("5.10");
FALSE_POSITIVES("Whether it was needed is known only a round trip later: dsack_dups of the connection's next "
		"document counts those that were not. The reason is concluded from the state of the socket; "
		"a smaller MTU and the data of a Fast Open SYN are one (non_congestion)");

OPTION(u64, max_events_per_second_per_cpu, 100,
       "Events beyond this rate are counted as rate limited, not written, 0 is no limit; the counters have "
       "them all");

/* Segments, as TcpRetransSegs of /proc/net/snmp counts them; whatever becomes of the event. */
METRIC_ARRAY(retransmits, "reason", retransmit_reason, u64, REASONS)
COUNTER("huatuo_tcp_retransmits_total",
	"TCP segments that were sent again, in all network namespaces, whether there is a document or not.");

static __always_inline void count(enum retransmit_reason reason, u64 segments)
{
	u64 *total = metric_at(&retransmits, reason);

	/* A softirq may interrupt a system call that does the same. */
	if (total)
		__sync_fetch_and_add(total, segments);
}

#define TCP_CA_RECOVERY 3
#define TCP_CA_LOSS	4

#define TCPHDR_SYN 0x02
#define TCPHDR_ACK 0x10

/*
 * net/ipv4, Linux 5.11 to 6.18:
 *
 * - A segment with SYN is of the handshake: tcp_retransmit_timer() sends the head of the queue. With ACK it
 * is from a simultaneous open.
 * - Loss with no timer pending is the RTO itself: tcp_write_timer_handler() clears icsk_pending before
 *   tcp_retransmit_timer(), which calls tcp_enter_loss() and then retransmits. A zero window that is not
 * answered looks the same there, and in /proc/net/netstat is no TCPTimeouts.
 * - Loss with a timer pending is tcp_xmit_retransmit_queue() after an acknowledgement (TCPSlowStartRetrans).
 *   Without an undo_marker, which tcp_enter_loss() sets, it is tcp_non_congestion_loss_retransmit(): a
 * smaller MTU and the data of a Fast Open SYN cannot be told apart, nor can an RTO whose marker was cleared
 * by a DSACK.
 * - Recovery is tcp_xmit_retransmit_queue() after acknowledgements, or RACK's reordering timer
 * (TCPFastRetrans); icsk_pending tells them apart. A probe whose timer was left over from before Recovery
 * counts here too.
 * - Otherwise, with the loss probe's timer pending, it is tcp_send_loss_probe(), during which it stays set. A
 * probe that sends new data is no retransmission: TCPLossProbes counts both.
 *
 * Whether it was needed (upstream's "spurious") is known only a round trip later: dsack_dups of the next
 * document.
 */
static __always_inline enum retransmit_reason reason_of(const struct sock *sk, u32 flags, u32 ca_state,
							u32 timer)
{
	if (flags & TCPHDR_SYN)
		return flags & TCPHDR_ACK ? SYN_ACK : SYN;
	if (ca_state == TCP_CA_RECOVERY)
		return fast_retransmit;
	if (ca_state == TCP_CA_LOSS) {
		if (timer == none)
			return RTO;
		return BPF_CORE_READ((const struct tcp_sock *)sk, undo_marker) ? slow_start : non_congestion;
	}
	return timer == loss_probe ? TLP : unknown;
}

static __always_inline enum retransmit_phase phase_of(enum tcp_state state)
{
	if (state == SYN_SENT || state == SYN_RECV || state == NEW_SYN_RECV)
		return connect;
	return state == ESTABLISHED || state == CLOSE_WAIT ? data : close;
}

static __always_inline void write_flags(u8 *text, u32 flags)
{
	const char letters[] = {'F', 'S', 'R', 'P', '.', 'U', 'E', 'W'};
	u32 length = 0;

	for (u32 bit = 0; bit < 8; bit++)
		if (flags & (1 << bit))
			text[length++ & 7] = letters[bit];
}

/* An event with all that `flow` says; `sk` is the socket whose owner it is. NULL: already accounted for. */
static __always_inline struct tcp_retransmit_event *begin(const struct sock *sk,
							  const struct sock_common *flow, u32 seq)
{
	struct tcp_retransmit_event *event;
	struct sock_owner owner = {};

	if (!rate_allows(bpf_ktime_get_boot_ns(), max_events_per_second_per_cpu))
		return 0;
	event = event_begin(struct tcp_retransmit_event);
	if (!event)
		return 0;
	sock_owner_of(sk, &owner);
	event->cgroup_id = owner.cgroup_id;
	event->pid = owner.pid;
	__builtin_memcpy(event->comm, owner.comm, sizeof(owner.comm));
	event->owner_known_by = owner.known_by;
	sock_addresses(flow, event->tcp_saddr, event->tcp_daddr);
	event->tcp_sport = sock_local_port(flow);
	event->tcp_dport = sock_remote_port(flow);
	event->net_namespace = sock_netns(flow);
	event->net_namespace_inum = event->net_namespace;
	event->net_namespace_cookie = sock_netns_cookie(flow);
	event->tcp_state = sock_state(flow);
	event->phase = phase_of(event->tcp_state);
	event->tcp_seq = seq;
	event->tcp_segment_id =
	    tcp_segment_id(event->tcp_saddr, event->tcp_daddr, event->tcp_sport, event->tcp_dport, seq);
	return event;
}

SEC("tp_btf/tcp_retransmit_skb")
int BPF_PROG(segment_sent_again, const struct sock *sk, const struct sk_buff *skb)
{
	const struct inet_connection_sock *icsk = (const void *)sk;
	const struct tcp_skb_cb *cb = (const void *)skb + bpf_core_field_offset(struct sk_buff, cb);
	const struct tcp_sock *tcp = (const void *)sk;
	u32 flags, ca_state, timer, segments;
	struct tcp_retransmit_event *event;
	enum retransmit_reason reason;

	/* It was not sent, for want of memory, route or window, and is tried again. */
	if (bpf_core_field_exists(struct trace_event_raw_tcp_retransmit_skb, err) && (int)ctx[2] != 0)
		return 0;
	flags = BPF_CORE_READ_BITFIELD_PROBED(cb, tcp_flags);
	ca_state = BPF_CORE_READ_BITFIELD_PROBED(icsk, icsk_ca_state);
	timer = BPF_CORE_READ(icsk, icsk_pending);
	segments = BPF_CORE_READ(cb, tcp_gso_segs);
	reason = reason_of(sk, flags, ca_state, timer);
	count(reason, segments);

	event = begin(sk, &sk->__sk_common, BPF_CORE_READ(cb, seq));
	if (!event)
		return 0;
	event->tcp_reason = reason;
	event->event_type = tcp_retransmit_skb;
	event->ca_state = ca_state;
	event->icsk_pending = timer;
	event->icsk_retransmits_count = BPF_CORE_READ(icsk, icsk_retransmits);
	event->segments_packets = segments;
	event->skb_addr = (u64)skb;
	event->skb_bytes = BPF_CORE_READ(skb, len);
	event->tcp_end_seq = BPF_CORE_READ(cb, end_seq);
	event->tcp_ack_seq = BPF_CORE_READ(tcp, rcv_nxt);
	event->srtt_ns = BPF_CORE_READ(tcp, srtt_us) * 1000ULL / 8;
	event->snd_cwnd_packets = BPF_CORE_READ(tcp, snd_cwnd);
	event->reord_seen_events = BPF_CORE_READ(tcp, reord_seen);
	event->dsack_dups_packets = BPF_CORE_READ(tcp, dsack_dups);
	event->retransmits_total = BPF_CORE_READ(tcp, total_retrans);
	write_flags(event->tcp_flags, flags);
	event_submit(event);
	return 0;
}

/* There is no socket yet but the listener, or, with TCP Fast Open, the socket that waits for the handshake to
 * end: net/ipv4/tcp_output.c tcp_rtx_synack(). */
SEC("tp_btf/tcp_retransmit_synack")
int BPF_PROG(synack_sent_again, const struct sock *sk, const struct request_sock *request)
{
	const struct tcp_request_sock *tcp = (const void *)request;
	struct tcp_retransmit_event *event;

	count(SYN_ACK, 1);
	event = begin(sk, &request->__req_common, BPF_CORE_READ(tcp, snt_isn));
	if (!event)
		return 0;
	event->tcp_reason = SYN_ACK;
	event->event_type = tcp_retransmit_synack;
	event->segments_packets = 1;
	/* The tracepoint comes before the count is raised. */
	event->icsk_retransmits_count = BPF_CORE_READ(request, num_retrans);
	event->retransmits_total = event->icsk_retransmits_count + 1;
	event->tcp_end_seq = event->tcp_seq + 1;
	event->tcp_ack_seq = BPF_CORE_READ(tcp, rcv_nxt);
	write_flags(event->tcp_flags, TCPHDR_SYN | TCPHDR_ACK);
	event_submit(event);
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
