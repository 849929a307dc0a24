// SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0
/*
 * How long a received packet takes from the driver to the program that reads it.
 *
 *	driver            stack                    TCP                   reader
 *	netif_rx          netif_receive_skb        tcp_probe             tcp_rcv_space_adjust
 *	napi_gro_receive      │                        │                     │
 *	netif_receive_skb     │                        │                     │
 *	    ├─ backlog, RPS,  │                        │                     │
 *	    │  GRO ───────────┤ RX_STAGE_NETIF         │                     │
 *	    ├─ netfilter, a locked socket ─────────────┤ RX_STAGE_TCP        │
 *	    └─ receive queue, a reader that does not run ────────────────────┤ RX_STAGE_USERCOPY
 *
 * Each stage is timed from the driver. What is before (the wire, the sender's queue, the ring of a NIC or of
 * a veth with NAPI) no stage can see; the delay of softirqs is the collector softirq's.
 *
 * Up to TCP a packet is its sk_buff (rx_stamp.h), behind it a range of bytes (unread.h): so GRO, clones, and
 * queues that merge are no matter. Up to the stack all packets are timed, at TCP all segments of established
 * connections, and at the reader the oldest and the newest that a socket has.
 *
 * Packets are not sampled. One in a hundred would miss most of the short stalls there are, and a counter that
 * decides for all CPUs costs what it saves. Programs that are on the way of each packet do a store or two
 * look-ups in arrays instead, and read what only a document has after they know that there is one.
 *
 * The clock is the kernel's monotonic one, read by the programs: a step of the wall clock makes no latency,
 * and the host does not stamp its packets for us. Linux >= 5.10; the program that reads since 5.11.
 */
#include "event.h"
#include "cgroup_counters.h"
#include "ratelimit.h"
#include "rx_stamp.h"
#include "sock_owner.h"
#include "tcp_header.h"
#include "unread.h"

#define MAX_CGROUPS 4096

/* Upstream has TCP over IPv4 alone, as RX_STAGE_TCPV4. */
enum rx_stage { RX_STAGE_NETIF, RX_STAGE_TCP, RX_STAGE_USERCOPY };
#define STAGES 3

struct net_rx_latency_event {
	ktime_ns time DOC("When the packet got there");
	dur_ns latency_ns DOC("Since the driver has handed it over");
	dur_ns threshold_ns DOC("The stage's limit in force when the event was made");
	hex64 net_namespace_cookie DOC("Its network namespace, by a number that is never given out again in "
				       "one boot; 0 before Linux 5.12");
	memory_cgroup_id cgroup_id OPTIONAL DOC("RX_STAGE_USERCOPY: memory cgroup of the process that reads. "
						"Else of the socket's owner; RX_STAGE_NETIF knows no socket");
	bytes64 packet_len_bytes DOC(
	    "RX_STAGE_NETIF: from the network header on; RX_STAGE_TCP: from the TCP header on; "
	    "RX_STAGE_USERCOPY: payload of the segment");
	ip_addr tcp_saddr DOC("Who has sent it");
	ip_addr tcp_daddr DOC("The local address, or where it is forwarded to");
	netns_id net_namespace DOC("Network namespace: its name, its container, or its inode");
	index32 net_namespace_inum DOC("Its inode");
	netdev_nr netdev JSON("netdev_name") DOC("Device that has received it");
	enum rx_stage latency_stage DOC("How far it was: RX_STAGE_NETIF is the network stack, RX_STAGE_TCP a "
					"socket of an established connection, RX_STAGE_USERCOPY its reader");
	pid_nr pid OPTIONAL DOC("RX_STAGE_USERCOPY: process that has read it");
	comm_t comm OPTIONAL DOC("Name of its thread");
	enum owner_known_by owner_known_by OPTIONAL
	    DOC("Where cgroup_id is from, when it is not that of the process that reads");
	enum tcp_state tcp_state OPTIONAL DOC("State of the socket; RX_STAGE_NETIF knows none");
	index32 tcp_seq DOC("First sequence number of the segment");
	index32 tcp_ack_seq DOC("What it acknowledges");
	port_nr tcp_sport DOC("Port of who has sent it");
	port_nr tcp_dport DOC("The other port");
} DOC("A received TCP packet was late in the network stack, at its socket, or at the program that reads it")
    SEVERITY(warning) SCHEMA(1);
EVENT_RING(net_rx_latency_event, 1 << 19);
QUESTION("Which received TCP packets were late, and where: in the network stack, at their socket, or at the "
	 "program that reads them? Distribution for each stage, and totals for each container");
KERNEL("5.10; the program that reads since 5.11");
FALSE_POSITIVES(
    "A program that does not want to read yet, or was stopped, is late by this measure. Not seen: time "
    "before the driver hands a packet over (wire, ring of the NIC), and other protocols than TCP behind the "
    "stack. Packets whose time was overwritten are counted as untimed");

OPTION(u64, netif_threshold_ns, 5000000, "Packets that come to the stack at least this late become events");
OPTION(u64, tcp_threshold_ns, 10000000, "Packets that come to TCP at least this late become events");
OPTION(u64, usercopy_threshold_ns, 115000000, "Packets that are read at least this late become events");
OPTION(u64, max_events_per_second_per_cpu, 100,
       "Events beyond this rate are counted as rate limited, not written, 0 is no limit");

METRIC_ARRAY(latencies, "stage", rx_stage, struct time_histogram, STAGES)
HISTOGRAM("huatuo_net_rx_latency_seconds",
	  "Time of received packets from the driver to each stage; that of the stack has all protocols.");

METRIC_ARRAY(untimed, "stage", rx_stage, u64, STAGES)
COUNTER(
    "huatuo_net_rx_untimed_packets_total",
    "Packets that are not in the histogram: another packet has taken the place of their time, or, at the "
    "reader, older and newer ones in the queue of the same socket were timed, or a gap came before them.");

struct cgroup_reads {
	count64
	    segments_total COUNTER("huatuo_net_rx_container_segments_total",
				   "TCP segments that the container's tasks have read and that were timed.");
	dur_ns latency_ns COUNTER("huatuo_net_rx_container_latency_seconds_total",
				  "Time of those segments from the driver to the reader.");
};
CGROUP_COUNTERS(cgroups, memory, struct cgroup_reads, MAX_CGROUPS);

static __always_inline void count_untimed(enum rx_stage stage, u32 count)
{
	u64 *packets = count ? metric_at(&untimed, stage) : 0;

	if (packets)
		__sync_fetch_and_add(packets, count);
}

static __always_inline void observe(enum rx_stage stage, u64 latency_ns)
{
	struct time_histogram *histogram = metric_at(&latencies, stage);

	if (histogram)
		histogram_observe(histogram, latency_ns);
}

/* NULL: it is not late, or already accounted for. */
static __always_inline struct net_rx_latency_event *begin(enum rx_stage stage, u64 latency_ns,
							  u64 threshold_ns)
{
	struct net_rx_latency_event *event;

	if (latency_ns < threshold_ns || !rate_allows(bpf_ktime_get_boot_ns(), max_events_per_second_per_cpu))
		return 0;
	event = event_begin(struct net_rx_latency_event);
	if (!event)
		return 0;
	event->latency_stage = stage;
	event->latency_ns = latency_ns;
	event->threshold_ns = threshold_ns;
	return event;
}

static __always_inline void write_late_packet(const struct sk_buff *skb, const struct tcp_headers *headers,
					      u64 latency_ns)
{
	struct net_rx_latency_event *event = begin(RX_STAGE_NETIF, latency_ns, netif_threshold_ns);
	struct net *net;

	if (!event)
		return;
	/* By probes: kernel/task_reads.h. */
	net = BPF_CORE_READ(skb, dev, nd_net.net);
	tcp_header_addresses(headers, event->tcp_saddr, event->tcp_daddr);
	event->tcp_sport = tcp_header_source(headers);
	event->tcp_dport = tcp_header_destination(headers);
	event->tcp_seq = tcp_header_seq(headers);
	event->tcp_ack_seq = tcp_header_ack_seq(headers);
	event->packet_len_bytes = skb->len;
	event->netdev = BPF_CORE_READ(skb, dev, ifindex);
	event->net_namespace = BPF_CORE_READ(net, ns.inum);
	event->net_namespace_inum = event->net_namespace;
	if (bpf_core_field_exists(net->net_cookie))
		event->net_namespace_cookie = BPF_CORE_READ(net, net_cookie);
	event_submit(event);
}

/* Other protocols than TCP are in the histogram and have no document. */
SEC("tp_btf/netif_receive_skb")
int BPF_PROG(packet_at_stack, const struct sk_buff *skb)
{
	u64 latency_ns;
	struct rx_stamp *stamp = rx_stamp_of(skb, bpf_ktime_get_ns(), &latency_ns);
	struct tcp_headers headers;

	if (!stamp) {
		count_untimed(RX_STAGE_NETIF, 1);
		return 0;
	}
	observe(RX_STAGE_NETIF, latency_ns);
	if (!read_tcp_headers(skb, &headers))
		return 0;
	stamp->seq = tcp_header_seq(&headers);
	stamp->is_tcp = 1;
	write_late_packet(skb, &headers, latency_ns);
	return 0;
}

static __always_inline void write_connection(struct net_rx_latency_event *event, const struct sock *sk)
{
	const struct sock_common *flow = &sk->__sk_common;

	sock_addresses(flow, event->tcp_daddr, event->tcp_saddr);
	event->tcp_dport = sock_local_port(flow);
	event->tcp_sport = sock_remote_port(flow);
	event->net_namespace = sock_netns(flow);
	event->net_namespace_inum = event->net_namespace;
	event->net_namespace_cookie = sock_netns_cookie(flow);
	event->tcp_state = sock_state(flow);
}

static __always_inline void write_owner(struct net_rx_latency_event *event, const struct sock *sk)
{
	struct sock_owner owner = {};

	sock_owner_of(sk, &owner);
	event->cgroup_id = owner.cgroup_id;
	event->owner_known_by = owner.known_by;
}

#define TCPHDR_FIN 1

static __always_inline void write_late_segment(const struct sock *sk, const struct sk_buff *skb,
					       const struct tcp_skb_cb *cb, u64 latency_ns)
{
	struct net_rx_latency_event *event = begin(RX_STAGE_TCP, latency_ns, tcp_threshold_ns);

	if (!event)
		return;
	write_connection(event, sk);
	write_owner(event, sk);
	event->netdev = skb->skb_iif;
	event->packet_len_bytes = skb->len;
	event->tcp_seq = BPF_CORE_READ(cb, seq);
	event->tcp_ack_seq = BPF_CORE_READ(cb, ack_seq);
	event_submit(event);
}

SEC("tp_btf/tcp_probe")
int BPF_PROG(segment_at_tcp, struct sock *sk, const struct sk_buff *skb)
{
	const struct tcp_skb_cb *cb = (const void *)skb + bpf_core_field_offset(struct sk_buff, cb);
	struct unread_segment arrived = {.received_ns = bpf_ktime_get_ns()};
	const struct tcp_sock *tcp = bpf_skc_to_tcp_sock(sk);
	u64 latency_ns;
	struct rx_stamp *stamp = rx_stamp_of(skb, arrived.received_ns, &latency_ns);

	arrived.seq = BPF_CORE_READ(cb, seq);
	arrived.end_seq = BPF_CORE_READ(cb, end_seq);
	if (stamp && stamp->is_tcp && stamp->seq == arrived.seq) {
		arrived.received_ns -= latency_ns;
		observe(RX_STAGE_TCP, latency_ns);
		write_late_segment(sk, skb, cb, latency_ns);
	} else {
		/* Its reader is timed from here on. */
		count_untimed(RX_STAGE_TCP, 1);
	}

	if (!tcp || arrived.seq == arrived.end_seq)
		return 0;
	if (BPF_CORE_READ_BITFIELD_PROBED(cb, tcp_flags) & TCPHDR_FIN)
		arrived.end_seq--;
	if (!seq_after(arrived.end_seq, tcp->rcv_nxt))
		return 0;
	if (seq_after(arrived.seq, tcp->rcv_nxt)) {
		count_untimed(RX_STAGE_USERCOPY, 1);
		return 0;
	}
	arrived.ack_seq = BPF_CORE_READ(cb, ack_seq);
	arrived.ifindex = skb->skb_iif;
	count_untimed(RX_STAGE_USERCOPY, unread_arrived(sk, tcp, &arrived));
	return 0;
}

/* The task that reads, when this runs for it. TLS and socket maps read in softirqs and kernel threads too. */
static __always_inline struct task_struct *reader_of(const struct sock *sk)
{
	struct task_struct *task = (void *)bpf_get_current_task_btf();

	return sk->sk_lock.owned && task->mm ? task : 0;
}

static __always_inline void count_read(struct task_struct *reader, u64 latency_ns)
{
	struct cgroup *directory;
	memory_cgroup_id cgroup = task_memory_cgroup_found(reader, &directory);
	struct cgroup_reads *reads = cgroups_of(&cgroup, directory);

	if (!reads)
		return;
	__sync_fetch_and_add(&reads->segments_total, 1);
	__sync_fetch_and_add(&reads->latency_ns, latency_ns);
}

static __always_inline void was_read(struct sock *sk, const struct unread_segment *segment)
{
	struct task_struct *reader = reader_of(sk);
	u64 latency_ns = bpf_ktime_get_ns() - segment->received_ns;
	struct net_rx_latency_event *event;

	observe(RX_STAGE_USERCOPY, latency_ns);
	if (reader)
		count_read(reader, latency_ns);
	event = begin(RX_STAGE_USERCOPY, latency_ns, usercopy_threshold_ns);
	if (!event)
		return;
	write_connection(event, sk);
	if (reader) {
		event->cgroup_id = read_task_memory_cgroup(reader);
		event->pid = bpf_get_current_pid_tgid() >> 32;
		bpf_get_current_comm(event->comm, sizeof(event->comm));
	} else {
		write_owner(event, sk);
	}
	event->netdev = segment->ifindex;
	event->packet_len_bytes = segment->end_seq - segment->seq;
	event->tcp_seq = segment->seq;
	event->tcp_ack_seq = segment->ack_seq;
	event_submit(event);
}

/* Whoever takes bytes out of the queue comes here, once for each sk_buff; one that peeks leaves copied_seq as
 * it is. net/ipv4/tcp.c tcp_recvmsg_locked(), tcp_read_sock(), tcp_zerocopy_receive(). */
SEC("tp_btf/tcp_rcv_space_adjust")
int BPF_PROG(bytes_read, struct sock *sk)
{
	const struct tcp_sock *tcp;
	struct unread_segment read;
	struct unread *unread;

	if (!has_socket_storage())
		return 0;
	unread = bpf_sk_storage_get(&unread_segments, sk, 0, 0);
	tcp = bpf_skc_to_tcp_sock(sk);
	if (!unread || !tcp)
		return 0;
	for (int i = 0; i < 2 && unread_take(unread, tcp, &read); i++)
		was_read(sk, &read);
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
