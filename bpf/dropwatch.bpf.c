// SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0
/*
 * The kernel throws a packet away. kfree_skb is also called for what is no loss (a packet of another host
 * that a promiscuous device has taken up): those reasons are counted and not told, see dropwatch.ts. Linux
 * >= 5.10; reasons since 5.17.
 *
 * A storm of drops goes through the cheap tests first: reason, filter, budget.
 */
#include "event.h"
#include "metric.h"
#include "packet.h"
#include "packet_filter.h"
#include "ratelimit.h"
#include "sock_owner.h"
#include "stack.h"
#include "tcp_segment.h"

enum drop_source { software = 1 };

struct dropwatch_event {
	ktime_ns time DOC("When the packet was thrown away");
	kframe_t drop_location DOC("Where in the kernel: who has called kfree_skb()");
	hex64 net_namespace_cookie OPTIONAL DOC(
	    "Network namespace in which it was thrown away, by a number that is never given out again in one "
	    "boot. Linux >= 5.12");
	memory_cgroup_id cgroup_id OPTIONAL
	    DOC("Memory cgroup of the socket's owner, who may be in another network namespace");
	hex64 tcp_segment_id OPTIONAL DOC(
	    "Addresses, ports and first sequence number of a TCP segment as one number: the same in "
	    "documents of "
	    "tcp_retransmit about this segment, unless addresses are translated in between. None behind "
	    "extension headers of IPv6");
	kaddr
	    packet_skb_addr DOC("The packet's buffer, as trace events of the kernel have it; the next packet "
				"may have the same");
	bytes64 packet_len_bytes DOC("Bytes of the packet from where the kernel has come to in its headers");
	hex64 netdev_flags OPTIONAL DOC("Flags of the device, IFF_ of linux/if.h: 0x1 is up, 0x40 running");
	netns_id net_namespace OPTIONAL DOC("The namespace's name, its container, or its inode");
	index32 net_namespace_inum OPTIONAL DOC("Its inode");
	text16_t netdev_name OPTIONAL DOC("Device that has received the packet, or should have sent it");
	index32 netdev_ifindex OPTIONAL DOC("Its index");
	index32 netdev_queue_mapping DOC("Queue of the device");
	index32 drop_reason KERNEL_ENUM("skb_drop_reason mac80211:___mac80211_drop_reason "
					"openvswitch:ovs_drop_reason")
	    DOC("Why. NOT_SPECIFIED is what the kernel says where it was not taught to tell, and before "
		"Linux "
		"5.17");
	enum drop_source drop_source DOC("software: the kernel");
	enum tcp_state
	    sk_state OPTIONAL DOC("State of the socket: of the one that should have got the packet, else of "
				  "the one that has sent it. For other protocols than TCP it is "
				  "ESTABLISHED when connected, else CLOSE");
	pid_nr pid OPTIONAL DOC("Process that called connect() or listen() on the TCP socket while the "
				"collector ran");
	comm_t comm OPTIONAL DOC("Its name then");
	enum owner_known_by owner_known_by DOC("Where cgroup_id is from. Without one the container is that "
					       "of net_namespace, if it is one's own");
	u8 _pad[4];
	kstack_t stack DOC("Kernel stack, innermost first");
	packet_head_t
	    layers OPTIONAL DOC("Headers of the packet; of what is no packet of a network, such as a "
				"message between local sockets, there are none");
} DOC("The kernel has thrown a packet away") SEVERITY(info) SCHEMA(1);
EVENT_RING(dropwatch_event, 1 << 20);
QUESTION("Which packets does the kernel throw away, for what reason, where, and whose were they? Counters by "
	 "reason; a filter as tcpdump takes it, run in the kernel");
KERNEL("5.10; reasons since 5.17, before that each is NOT_SPECIFIED; the receiving socket since 6.11. The "
       "filter needs libpcap");
FALSE_POSITIVES("A drop need not be a loss: known reasons of that kind are counted and not told (suppress), "
		"but what the kernel drops without a reason is told. Not seen: what a device drops by "
		"itself, and a drop in an interrupt that comes while the program runs on that CPU");

OPTION(u64, max_events_per_second_per_cpu, 100,
       "Drops beyond this rate are counted as rate limited, not written, 0 is no limit; the counters have "
       "them all");

#define REASONS 512

/* Of every reason that was met. */
METRIC_MAP(drops, u32, u64, REASONS, 0);

/* Reasons that become no documents; their value means nothing. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, REASONS);
	__type(key, u32);
	__type(value, u32);
} suppressed_reasons SEC(".maps");

/* Packets of which a document would have been made, had the filter let them. */
u64 filtered
    COUNTER("huatuo_dropwatch_filtered_total",
	    "Dropped packets that the filter did not let pass: they are counted, not written. Before Linux "
	    "5.12 also those of interrupts while it looked at another one.");

/* Request sockets and those in TIME_WAIT are no full sockets, and have no owner. */
static __always_inline bool is_full(u8 state)
{
	return state != TIME_WAIT && state != NEW_SYN_RECV;
}

static __always_inline void describe_socket(struct dropwatch_event *event, struct sock *sk)
{
	struct sock_owner owner = {};
	enum tcp_state state;

	if (!sk)
		return;
	state = sock_state(&sk->__sk_common);
	event->sk_state = state;
	if (!is_full(state))
		return;
	sock_owner_of(sk, &owner);
	event->cgroup_id = owner.cgroup_id;
	event->pid = owner.pid;
	__builtin_memcpy(event->comm, owner.comm, sizeof(owner.comm));
	event->owner_known_by = owner.known_by;
}

/*
 * Where it happened. A packet has the socket of who has sent it until it is received, also behind a veth, in
 * another namespace: so the device decides. But in the queue of a socket the place of the device has been
 * used for something else: what is not in the namespace of the receiver is no device.
 */
static __always_inline void describe_place(struct dropwatch_event *event, const struct net_device *dev,
					   const struct sock *receiver, const struct sock *sender)
{
	struct net *of_device = dev ? BPF_CORE_READ(dev, nd_net.net) : 0;
	struct net *net = of_device;

	if (receiver)
		net = BPF_CORE_READ(receiver, __sk_common.skc_net.net);
	else if (!net && sender)
		net = BPF_CORE_READ(sender, __sk_common.skc_net.net);
	event->net_namespace = BPF_CORE_READ(net, ns.inum);
	event->net_namespace_inum = event->net_namespace;
	if (bpf_core_field_exists(net->net_cookie))
		event->net_namespace_cookie = BPF_CORE_READ(net, net_cookie);
	if (!of_device || of_device != net)
		return;
	event->netdev_ifindex = BPF_CORE_READ(dev, ifindex);
	BPF_CORE_READ_STR_INTO(&event->netdev_name, dev, name);
	event->netdev_flags = BPF_CORE_READ(dev, flags);
}

/* The two arguments of the tracepoint that were added to it. */
static __always_inline u32 reason_of(const unsigned long long *ctx)
{
	if (bpf_core_field_exists(struct trace_event_raw_kfree_skb, reason))
		return ctx[2];
	return SKB_DROP_REASON_NOT_SPECIFIED;
}

static __always_inline struct sock *receiver_of(const unsigned long long *ctx)
{
	/* The packet does not know it yet. Linux >= 6.11. */
	if (bpf_core_field_exists(struct trace_event_raw_kfree_skb, rx_sk))
		return (void *)ctx[3];
	return 0;
}

static __always_inline bool is_told(u32 reason)
{
	counter_add(&drops, &reason, 1);
	return !bpf_map_lookup_elem(&suppressed_reasons, &reason);
}

/* `packet`: what the filter has been given of it; NULL or without an end where there is no filter. */
static __always_inline void tell(unsigned long long *ctx, struct sk_buff *skb, void *location, u32 reason,
				 const struct packet_head *packet)
{
	struct sock *receiver = receiver_of(ctx);
	struct dropwatch_event *event;

	if (!rate_allows(bpf_ktime_get_boot_ns(), max_events_per_second_per_cpu))
		return;
	event = event_begin(struct dropwatch_event);
	if (!event)
		return;
	if (receiver)
		describe_socket(event, receiver);
	else
		describe_socket(event, skb->sk);
	describe_place(event, skb->dev, receiver, skb->sk);
	event->drop_location = (u64)location;
	event->drop_reason = reason;
	event->drop_source = software;
	event->packet_skb_addr = (u64)skb;
	event->packet_len_bytes = skb->len;
	event->netdev_queue_mapping = skb->queue_mapping;
	if (packet && packet->end)
		event->layers = *packet;
	else
		packet_copy(skb, &event->layers);
	event->tcp_segment_id = packet_tcp_segment_id(&event->layers);
	kernel_stack(ctx, event->stack);
	event_submit(event);
}

SEC("tp_btf/kfree_skb")
int BPF_PROG(packet_dropped___machine_on_stack, struct sk_buff *skb, void *location)
{
	struct filter_machine machine = {};
	u32 reason = reason_of(ctx);

	if (!is_told(reason))
		return 0;
	if (packet_filter_is_set()) {
		packet_copy(skb, &machine.packet);
		if (!packet_passes(&machine)) {
			__sync_fetch_and_add(&filtered, 1);
			return 0;
		}
	}
	tell(ctx, skb, location, reason, &machine.packet);
	return 0;
}

SEC("tp_btf/kfree_skb")
int BPF_PROG(packet_dropped___before_5_12, struct sk_buff *skb, void *location)
{
	struct filter_machine *machine = 0;
	u32 reason = reason_of(ctx);
	bool passes = true;

	if (!is_told(reason))
		return 0;
	if (packet_filter_is_set()) {
		machine = filter_machine_take();
		if (machine)
			packet_copy(skb, &machine->packet);
		passes = machine && packet_passes_in_map(machine);
	}
	if (passes)
		tell(ctx, skb, location, reason, machine ? &machine->packet : 0);
	else
		__sync_fetch_and_add(&filtered, 1);
	if (machine)
		filter_machine_give();
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
