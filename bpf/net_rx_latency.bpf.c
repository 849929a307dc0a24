// SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0
/*
 * How long a received packet takes from the driver to the program that reads it.
 *
 *	driver            stack                    TCP                       reader
 *	netif_rx ───────► netif_receive_skb ─────► tcp_probe ──────────────► tcp_rcv_space_adjust
 *	napi_gro_receive      │                        │                         │
 *	netif_receive_skb     │                        │                         │
 *	    │                 │                        │                         │
 *	    ├─ backlog, RPS ──┤                        │                         │
 *	    ├─ GRO, IPIs      │ RX_STAGE_NETIF         │                         │
 *	    ├─ netfilter, the socket is locked ────────┤ RX_STAGE_TCP            │
 *	    └─ receive queue, the reader does not run ─┴─────────────────────────┤ RX_STAGE_USERCOPY
 *
 * Each stage is timed from the driver. What happens before the driver has the packet (the wire, a qdisc of
 * the sender, the ring of a NIC or of a veth with NAPI) is seen by none of them.
 *
 * Up to TCP a packet is its sk_buff. `stamps` has one slot for each hash of a pointer, where the driver's
 * time is written without asking what was there:
 *
 *   - That is a store, where a hash map would take a lock and an allocation for each packet of the host, and
 *     it needs no deletion, where packets end in a hundred places. No slot outlives its use: a pointer that
 *     is given out again is stamped again, by the driver it comes from.
 *   - Two packets under way in one slot: the first one is not timed, and counted as that.
 *   - GRO merges packets into the first one, and the socket's backlog into its last one: the time is that of
 *     the oldest in it. A packet that goes through several devices has that of the last one.
 *   - A clone, or what a firewall has cut into pieces, comes to TCP at an address where another packet may
 *     have been long ago. So the stack leaves the sequence number beside the time, and TCP compares.
 *   - A slot is two words and more, written without a lock. If two CPUs do so at once, times that differ by
 *     nanoseconds are exchanged.
 *
 * Behind TCP a packet is a range of bytes: the queue merges and splits sk_buffs as it likes, and every
 * reader, be it recv(), splice(), or a zero-copy one, moves `copied_seq`. The socket keeps two of them:
 *
 *	        read │ oldest ............................ newest │
 *	─────────────┴────────────────────────────────────────────┴──────► sequence numbers
 *	       copied_seq                                      rcv_nxt
 *
 * When the oldest has been read, the newest takes its place. So while a byte waits, one of those that wait
 * the longest is being timed: no stall is missed, and a socket costs 48 bytes, whatever is in its queue.
 * Segments between the two are counted as not timed.
 *
 * There is no sampling of packets: one in a hundred would miss ninety-nine of a hundred short stalls, and
 * what is left of the cost is mostly that of entering a program. No clock but the kernel's monotonic one is
 * asked, so no step of the wall clock makes a latency, and no stamps are turned on for the host. Linux >=
 * 5.11.
 */
#include "event.h"
#include "cgroup_counters.h"
#include "ratelimit.h"
#include "sock_owner.h"

#define STAMP_BITS  15
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

OPTION(u64, netif_threshold_ns, 5000000, "Packets that come to the stack at least this late become events");
OPTION(u64, tcp_threshold_ns, 10000000, "Packets that come to TCP at least this late become events");
OPTION(u64, usercopy_threshold_ns, 115000000, "Packets that are read at least this late become events");
OPTION(u64, max_events_per_second_per_cpu, 100,
       "Events beyond this rate are counted as rate limited, not written");

METRIC_ARRAY(latencies, "stage", rx_stage, struct time_histogram, STAGES)
HISTOGRAM("huatuo_net_rx_latency_seconds",
	  "Time of received packets from the driver to each stage; that of the stack has all protocols.");

METRIC_ARRAY(untimed, "stage", rx_stage, u64, STAGES)
COUNTER("huatuo_net_rx_untimed_packets_total",
	"Packets that are in no histogram: another packet has taken the place of their time, or, at the "
	"reader, older and newer ones in the queue of the same socket were timed.");

struct cgroup_reads {
	count64
	    segments_total COUNTER("huatuo_net_rx_container_segments_total",
				   "TCP segments that the container's tasks have read and that were timed.");
	dur_ns latency_ns COUNTER("huatuo_net_rx_container_latency_seconds_total",
				  "Time of those segments from the driver to the reader.");
};
CGROUP_COUNTERS(cgroups, memory, struct cgroup_reads, MAX_CGROUPS);

struct stamp {
	u64 packet;
	u64 received_ns;
	u32 seq;
	u32 is_tcp;
};
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1 << STAMP_BITS);
	__type(key, u32);
	__type(value, struct stamp);
} stamps SEC(".maps");

/* A segment that waits in a socket's queue. */
struct arrival {
	u64 received_ns; /* 0: there is none */
	u32 end_seq;	 /* the first sequence number behind it */
	u32 ack_seq;
	u32 payload_bytes;
	u32 ifindex;
};
struct arrivals {
	struct arrival oldest;
	struct arrival newest;
};
struct {
	__uint(type, BPF_MAP_TYPE_SK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct arrivals);
} waiting SEC(".maps");

/* The verifier lets a program calculate with the difference of two pointers, not with one. */
static __always_inline u64 number_of(const struct sk_buff *skb)
{
	return (u64)skb - (u64)&stamps;
}

static __always_inline struct stamp *stamp_of(u64 packet)
{
	/* 2^64 divided by the golden ratio spreads what has the same distance over all slots. */
	u32 slot = (packet * 0x9e3779b97f4a7c15ULL) >> (64 - STAMP_BITS);

	return bpf_map_lookup_elem(&stamps, &slot);
}

static __always_inline int received(const struct sk_buff *skb)
{
	u64 packet = number_of(skb);
	struct stamp *stamp = stamp_of(packet);

	if (!stamp)
		return 0;
	stamp->packet = packet;
	stamp->received_ns = bpf_ktime_get_ns();
	stamp->is_tcp = 0;
	return 0;
}

/* Of drivers with NAPI, with and without GRO; of those without, and devices that are programs. */
SEC("tp_btf/napi_gro_receive_entry")
int BPF_PROG(received_by_napi, const struct sk_buff *skb)
{
	return received(skb);
}

SEC("tp_btf/napi_gro_frags_entry")
int BPF_PROG(received_as_fragments, const struct sk_buff *skb)
{
	return received(skb);
}

SEC("tp_btf/netif_receive_skb_entry")
int BPF_PROG(received_alone, const struct sk_buff *skb)
{
	return received(skb);
}

SEC("tp_btf/netif_receive_skb_list_entry")
int BPF_PROG(received_in_list, const struct sk_buff *skb)
{
	return received(skb);
}

SEC("tp_btf/netif_rx")
int BPF_PROG(received_for_backlog, const struct sk_buff *skb)
{
	return received(skb);
}

static __always_inline void count_untimed(enum rx_stage stage)
{
	u64 *packets = metric_at(&untimed, stage);

	if (packets)
		__sync_fetch_and_add(packets, 1);
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

#define ETH_P_IP    0x0800
#define ETH_P_IPV6  0x86dd
#define IPPROTO_TCP 6

/* Room for a network header of 60 bytes, which is the longest of IPv4, and the TCP header. */
#define HEADER_BYTES 80
#define IP6_BYTES    40

struct headers {
	u8 bytes[HEADER_BYTES];
	u32 tcp; /* where the TCP header begins */
};

static __always_inline u32 be32_at(const u8 *bytes)
{
	u32 value;

	__builtin_memcpy(&value, bytes, sizeof(value));
	return __builtin_bswap32(value);
}

static __always_inline u16 be16_at(const u8 *bytes)
{
	return bytes[0] << 8 | bytes[1];
}

/*
 * False: it is no TCP segment, or not the beginning of one, or another header is before TCP's (VLAN tags that
 * the device has left, extensions of IPv6). What is read beyond the packet's linear part is other memory of
 * its buffer: the sequence number there will not be that of the segment.
 */
static __always_inline bool read_headers(const struct sk_buff *skb, struct headers *found)
{
	u16 protocol = __builtin_bswap16(skb->protocol);

	if (protocol != ETH_P_IP && protocol != ETH_P_IPV6)
		return false;
	if (bpf_probe_read_kernel(found->bytes, HEADER_BYTES, skb->data))
		return false;
	if (protocol == ETH_P_IPV6) {
		found->tcp = IP6_BYTES;
		return found->bytes[6] == IPPROTO_TCP;
	}
	found->tcp = (found->bytes[0] & 15) * 4;
	return found->bytes[9] == IPPROTO_TCP && (be16_at(found->bytes + 6) & 0x1fff) == 0;
}

static __always_inline void write_late_packet(const struct sk_buff *skb, const struct headers *headers,
					      u64 latency_ns)
{
	struct net_rx_latency_event *event = begin(RX_STAGE_NETIF, latency_ns, netif_threshold_ns);
	const u8 *ip = headers->bytes, *tcp = ip + headers->tcp;
	struct net *net;

	if (!event)
		return;
	if (headers->bytes[0] >> 4 == 6) {
		__builtin_memcpy(event->tcp_saddr, ip + 8, 16);
		__builtin_memcpy(event->tcp_daddr, ip + 24, 16);
	} else {
		mapped_ipv4(event->tcp_saddr, __builtin_bswap32(be32_at(ip + 12)));
		mapped_ipv4(event->tcp_daddr, __builtin_bswap32(be32_at(ip + 16)));
	}
	event->tcp_sport = be16_at(tcp);
	event->tcp_dport = be16_at(tcp + 2);
	event->tcp_seq = be32_at(tcp + 4);
	event->tcp_ack_seq = be32_at(tcp + 8);
	event->packet_len_bytes = skb->len;
	event->netdev = skb->dev->ifindex;
	net = skb->dev->nd_net.net;
	event->net_namespace = net->ns.inum;
	event->net_namespace_inum = net->ns.inum;
	if (bpf_core_field_exists(net->net_cookie))
		event->net_namespace_cookie = net->net_cookie;
	event_submit(event);
}

SEC("tp_btf/netif_receive_skb")
int BPF_PROG(packet_at_stack, const struct sk_buff *skb)
{
	u64 packet = number_of(skb), now = bpf_ktime_get_ns(), latency_ns;
	struct stamp *stamp = stamp_of(packet);
	struct headers headers;

	if (!stamp || stamp->packet != packet || now < stamp->received_ns) {
		count_untimed(RX_STAGE_NETIF);
		return 0;
	}
	latency_ns = now - stamp->received_ns;
	observe(RX_STAGE_NETIF, latency_ns);
	if (!read_headers(skb, &headers))
		return 0;
	stamp->seq = be32_at(headers.bytes + headers.tcp + 4);
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

/* Sequence numbers wrap. */
static __always_inline bool seq_after(u32 seq, u32 other)
{
	return (s32)(seq - other) > 0;
}

#define TCPHDR_FIN 1

static __always_inline void write_late_segment(const struct sock *sk, const struct sk_buff *skb,
					       const struct tcp_skb_cb *cb, u32 seq, u64 latency_ns)
{
	struct net_rx_latency_event *event = begin(RX_STAGE_TCP, latency_ns, tcp_threshold_ns);

	if (!event)
		return;
	write_connection(event, sk);
	write_owner(event, sk);
	event->netdev = skb->skb_iif;
	event->packet_len_bytes = skb->len;
	event->tcp_seq = seq;
	event->tcp_ack_seq = BPF_CORE_READ(cb, ack_seq);
	event_submit(event);
}

/* It is not in the queue: the segment was refused behind this tracepoint, or it was read in a way that does
 * not come to ours (a socket map). */
static __always_inline bool is_gone(const struct arrival *arrival, const struct tcp_sock *tcp)
{
	return seq_after(arrival->end_seq, tcp->rcv_nxt) || !seq_after(arrival->end_seq, tcp->copied_seq);
}

static __always_inline void forget_gone(struct arrival *arrival, const struct tcp_sock *tcp)
{
	if (arrival->received_ns == 0 || !is_gone(arrival, tcp))
		return;
	arrival->received_ns = 0;
	count_untimed(RX_STAGE_USERCOPY);
}

static __always_inline void first_becomes_newest(struct arrivals *arrivals)
{
	arrivals->oldest = arrivals->newest;
	arrivals->newest.received_ns = 0;
}

/*
 * Those that come before their turn wait for what is missing, not for the reader: with what fills the gap
 * they can be read, and it is timed. Both of our programs run while the socket is locked.
 */
static __always_inline void wait_for_reader(struct sock *sk, const struct arrival *arrived)
{
	struct arrivals *arrivals = bpf_sk_storage_get(&waiting, sk, 0, BPF_SK_STORAGE_GET_F_CREATE);
	const struct tcp_sock *tcp = bpf_skc_to_tcp_sock(sk);

	if (!arrivals || !tcp) {
		count_untimed(RX_STAGE_USERCOPY);
		return;
	}
	forget_gone(&arrivals->oldest, tcp);
	forget_gone(&arrivals->newest, tcp);
	if (arrivals->oldest.received_ns == 0)
		first_becomes_newest(arrivals);
	if (arrivals->oldest.received_ns == 0) {
		arrivals->oldest = *arrived;
		return;
	}
	if (arrivals->newest.received_ns)
		count_untimed(RX_STAGE_USERCOPY);
	arrivals->newest = *arrived;
}

SEC("tp_btf/tcp_probe")
int BPF_PROG(segment_at_tcp, struct sock *sk, const struct sk_buff *skb)
{
	const struct tcp_skb_cb *cb = (const void *)skb + bpf_core_field_offset(struct sk_buff, cb);
	u32 seq = BPF_CORE_READ(cb, seq), end_seq = BPF_CORE_READ(cb, end_seq);
	u64 packet = number_of(skb), now = bpf_ktime_get_ns();
	struct arrival arrived = {.received_ns = now, .end_seq = end_seq};
	const struct tcp_sock *tcp = bpf_skc_to_tcp_sock(sk);
	struct stamp *stamp = stamp_of(packet);

	if (stamp && stamp->packet == packet && stamp->is_tcp && stamp->seq == seq &&
	    now >= stamp->received_ns) {
		arrived.received_ns = stamp->received_ns;
		observe(RX_STAGE_TCP, now - arrived.received_ns);
		write_late_segment(sk, skb, cb, seq, now - arrived.received_ns);
	} else {
		/* Its reader is timed from here on. */
		count_untimed(RX_STAGE_TCP);
	}
	if (!tcp || end_seq == seq || seq_after(seq, tcp->rcv_nxt))
		return 0;
	if (BPF_CORE_READ_BITFIELD_PROBED(cb, tcp_flags) & TCPHDR_FIN)
		arrived.end_seq--;
	if (!seq_after(arrived.end_seq, tcp->rcv_nxt))
		return 0;
	arrived.payload_bytes = arrived.end_seq - seq;
	arrived.ack_seq = BPF_CORE_READ(cb, ack_seq);
	arrived.ifindex = skb->skb_iif;
	wait_for_reader(sk, &arrived);
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

static __always_inline void was_read(struct sock *sk, const struct arrival *arrival)
{
	struct task_struct *reader = reader_of(sk);
	u64 latency_ns = bpf_ktime_get_ns() - arrival->received_ns;
	struct net_rx_latency_event *event;

	observe(RX_STAGE_USERCOPY, latency_ns);
	if (reader)
		count_read(reader, latency_ns);
	event = begin(RX_STAGE_USERCOPY, latency_ns, usercopy_threshold_ns);
	if (!event)
		return;
	write_connection(event, sk);
	if (reader) {
		event->cgroup_id = task_memory_cgroup(reader);
		event->pid = bpf_get_current_pid_tgid() >> 32;
		bpf_get_current_comm(event->comm, sizeof(event->comm));
	} else {
		write_owner(event, sk);
	}
	event->netdev = arrival->ifindex;
	event->packet_len_bytes = arrival->payload_bytes;
	event->tcp_seq = arrival->end_seq - arrival->payload_bytes;
	event->tcp_ack_seq = arrival->ack_seq;
	event_submit(event);
}

/* Whoever takes bytes out of the queue comes here, once for each sk_buff; one that peeks leaves copied_seq as
 * it is. net/ipv4/tcp.c tcp_recvmsg_locked(), tcp_read_sock(), tcp_zerocopy_receive(). */
SEC("tp_btf/tcp_rcv_space_adjust")
int BPF_PROG(bytes_read, struct sock *sk)
{
	struct arrivals *arrivals = bpf_sk_storage_get(&waiting, sk, 0, 0);
	const struct tcp_sock *tcp;

	if (!arrivals || arrivals->oldest.received_ns == 0)
		return 0;
	tcp = bpf_skc_to_tcp_sock(sk);
	if (!tcp)
		return 0;
	for (int i = 0; i < 2; i++) {
		if (arrivals->oldest.received_ns == 0 || seq_after(arrivals->oldest.end_seq, tcp->copied_seq))
			break;
		was_read(sk, &arrivals->oldest);
		first_becomes_newest(arrivals);
	}
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
