// SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0
/*
 * A network device has not sent what is in one of its queues, although it has a carrier: the watchdog of its
 * queues (dev_watchdog in net/sched/sch_generic.c) is about to have the driver reset it.
 *
 * raw_tp rather than tp_btf: the arguments are the same, and BPF_PROG_TEST_RUN takes it, so that a test can
 * run this program without a device that hangs.
 */
#include "event.h"
#include "kernel/net.h"
#include "metric.h"
#include "ratelimit.h"

struct netdev_txqueue_timeout_event {
	ktime_ns time DOC("When the watchdog noticed");
	index32 queue_index DOC("The queue, of those for sending");
	index32 index DOC("Interface index of the device");
	netns_id net_namespace DOC("Network namespace of the device: its name, its container, or its inode");
	text16_t device_name DOC("Name of the device");
	text32_t driver_name OPTIONAL DOC("Driver of the hardware; a virtual device has none");
	u8 _pad[4];
} DOC("A network device has not sent what is in a queue for too long") SEVERITY(critical) SCHEMA(1);
EVENT_RING(netdev_txqueue_timeout_event, 1 << 16);
QUESTION("Which send queue of which network device hangs, and with which driver?");
KERNEL("5.10");
FALSE_POSITIVES("A link partner that holds the device up with pause frames for seconds looks the same. Not "
		"seen: devices whose driver has no watchdog, as most virtual ones");

OPTION(u64, max_events_per_second_per_cpu, 10,
       "Events beyond this rate are counted as rate limited, not written, 0 is no limit; the counter has "
       "them all");

u64 timeouts COUNTER("huatuo_netdev_txqueue_timeouts_total",
		     "Queues of network devices that have not sent what was in them for too long.");

SEC("raw_tp/net_dev_xmit_timeout")
int BPF_PROG(timed_out, struct net_device *dev, int queue_index)
{
	struct netdev_txqueue_timeout_event *event;
	const char *driver;

	__sync_fetch_and_add(&timeouts, 1);
	if (!rate_allows(bpf_ktime_get_boot_ns(), max_events_per_second_per_cpu))
		return 0;
	event = event_begin(struct netdev_txqueue_timeout_event);
	if (!event)
		return 0;
	event->queue_index = queue_index;
	event->index = BPF_CORE_READ(dev, ifindex);
	event->net_namespace = BPF_CORE_READ(dev, nd_net.net, ns.inum);
	BPF_CORE_READ_STR_INTO(&event->device_name, dev, name);
	driver = BPF_CORE_READ(dev, dev.parent, driver, name);
	if (driver)
		bpf_probe_read_kernel_str(event->driver_name, sizeof(event->driver_name), driver);
	event_submit_urgent(event);
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
