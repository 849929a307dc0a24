// SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0
/*
 * How long disk requests take: q2c from being queued, d2c from being issued to the driver, until they are
 * done.
 *
 * The kernel stamps a request when it is queued, whether a scheduler holds it or it is issued directly, and
 * when two merge keeps the older stamp; so only the issue needs a map. Disks whose drivers take bios (dm, md,
 * zram) make no requests: theirs is the time of the bio, and there is no d2c. Linux >= 5.10, for
 * bios 5.12.
 */
#include "kernel/block.h"
#include "cgroup_counters.h"
#include "span.h"

COLLECTOR_DOC("How long disk requests wait and are served, for each disk and each container");
QUESTION("How long do disk requests wait (q2c) and how long are they served (d2c), flushes too, for each "
	 "disk and each container?");
KERNEL("5.10; before 5.12 disks whose drivers take bios (dm, md, zram) have no times; before 5.19 what a "
       "removed cgroup has counted is lost, and counted as that");
FALSE_POSITIVES("Time behind a quota (blk-throttle, iocost) is in q2c. A request to a stacked disk (dm, md) "
		"is counted for it and again for the disks below. Writes from the page cache belong to the "
		"cgroup that made the pages dirty, also when another task has them written");

#define MS		    1000000ULL
#define MAX_DISKS	    1024
#define MAX_CONTAINER_DISKS 8192
#define MAX_IN_FLIGHT	    16384

struct disk_key {
	block_dev device;
	enum request_op operation;
};
struct disk_times {
	struct time_histogram q2c HISTOGRAM("huatuo_disk_request_seconds",
					    "Time of disk requests from being queued to completion (q2c).");
	struct time_histogram d2c HISTOGRAM("huatuo_disk_service_seconds",
					    "Time of disk requests from issue to completion (d2c).");
};
METRIC_MAP(disks, struct disk_key, struct disk_times, MAX_DISKS, BPF_F_NO_PREALLOC);

struct flush_key {
	block_dev device;
};
HISTOGRAM_MAP(flushes, struct flush_key, MAX_DISKS, "huatuo_disk_flush_seconds",
	      "Time of cache flushes from issue to completion.");

struct container_key {
	io_cgroup_id cgroup;
	block_dev device;
	u32 _pad;
};
struct container_times {
	struct time_histogram
	    q2c HISTOGRAM("huatuo_container_disk_request_seconds",
			  "Time of the container's disk requests from being queued to completion (q2c).");
	struct time_histogram
	    d2c HISTOGRAM("huatuo_container_disk_service_seconds",
			  "Time of the container's disk requests from issue to completion (d2c).");
};
METRIC_MAP(containers, struct container_key, struct container_times, MAX_CONTAINER_DISKS, BPF_F_NO_PREALLOC);
COUNTERS_MOVE(containers, struct container_key, struct container_times);

/* Slow ones only, as upstream counts them. */
#define ZONES "zone 0 is from 20 ms, 1 from 30 ms, 2 from 50 ms, 3 from 100 ms, 4 from 200 ms, 5 from 400 ms."
struct zone_key {
	dev_nr disk;
	index32 zone;
};
COUNTER_MAP(q2c_zones, struct zone_key, MAX_DISKS, "huatuo_bamai_iolatency_blkdisk_q2c",
	    "Slow disk requests by time from being queued; " ZONES);
COUNTER_MAP(d2c_zones, struct zone_key, MAX_DISKS, "huatuo_bamai_iolatency_blkdisk_d2c",
	    "Slow disk requests by time from issue; " ZONES);

struct container_zone_key {
	io_cgroup_id cgroup;
	dev_nr disk;
	index32 zone;
};
COUNTER_MAP(container_q2c_zones, struct container_zone_key, MAX_CONTAINER_DISKS,
	    "huatuo_bamai_iolatency_container_blkdisk_q2c",
	    "Slow disk requests of the container by time from being queued; " ZONES);
COUNTER_MAP(container_d2c_zones, struct container_zone_key, MAX_CONTAINER_DISKS,
	    "huatuo_bamai_iolatency_container_blkdisk_d2c",
	    "Slow disk requests of the container by time from issue; " ZONES);
COUNTERS_MOVE(container_q2c_zones, struct container_zone_key, u64);
COUNTERS_MOVE(container_d2c_zones, struct container_zone_key, u64);

/* The disks of a cgroup, numbered from 0: with them its entries are found when it is removed. */
#define MAX_DISKS_OF_CGROUP 32
struct cgroup_disk_key {
	io_cgroup_id cgroup;
	index32 number;
	u32 _pad;
};
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, MAX_CONTAINER_DISKS);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct cgroup_disk_key);
	__type(value, u32);
} cgroup_disks SEC(".maps");

SPAN_MAP(issued, u64, MAX_IN_FLIGHT);

struct queued_bio {
	u64 time_ns;
	block_dev device; /* drivers change the bio's on its way */
	u32 _pad;
};
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, MAX_IN_FLIGHT);
	__type(key, u64);
	__type(value, struct queued_bio);
} queued_bios SEC(".maps");

#define NOT_SLOW 6
static __always_inline u32 zone_of(u64 duration_ns)
{
	if (duration_ns < 20 * MS)
		return NOT_SLOW;
	if (duration_ns < 50 * MS)
		return duration_ns < 30 * MS ? 0 : 1;
	if (duration_ns < 200 * MS)
		return duration_ns < 100 * MS ? 2 : 3;
	return duration_ns < 400 * MS ? 4 : 5;
}

static __always_inline void count_zone(void *disk_map, void *container_map, struct container_key *of, u64 ns)
{
	struct container_zone_key container = {of->cgroup, of->device, zone_of(ns)};
	struct zone_key disk = {of->device, container.zone};
	u64 *count;

	if (disk.zone == NOT_SLOW)
		return;
	count = metric_slot_in(disk_map, &disk);
	if (count)
		__sync_fetch_and_add(count, 1);
	count = container.cgroup ? metric_slot_in(container_map, &container) : 0;
	if (count)
		__sync_fetch_and_add(count, 1);
}

/*
 * Remembers that a cgroup has entries of this disk; 0: there is no room for it. A function of its own, which
 * the verifier looks at once: its callers have loops themselves.
 */
__noinline int remember_disk(u64 cgroup, u32 device)
{
	struct cgroup_disk_key key = {cgroup};

	/* To the verifier of Linux 6.12 a counter that is only in memory does not move. */
	for (u32 number = 0; number < MAX_DISKS_OF_CGROUP; number++) {
		u32 *known;

		key.number = number;
		if (bpf_map_update_elem(&cgroup_disks, &key, &device, BPF_NOEXIST) == 0)
			return 1;
		known = bpf_map_lookup_elem(&cgroup_disks, &key);
		if (!known || *known == device)
			return known != 0;
	}
	return 0;
}

/* The entry of a cgroup and disk, made when it is new. NULL: there is no room, and the loss is counted. */
static __always_inline struct container_times *times_of(struct container_key *of, struct cgroup *cgroup)
{
	struct container_times *times = bpf_map_lookup_elem(&containers, of);

	if (times)
		return times;
	/* What was in the page cache is written when its cgroup may be gone: an ancestor is counted. */
	of->cgroup =
	    cgroup_live_id(cgroup, bpf_core_enum_value(enum cgroup_subsys_id, io_cgrp_id), of->cgroup);
	if (remember_disk(of->cgroup, of->device))
		return metric_slot(&containers, of);
	__sync_fetch_and_add(&series_overflows, 1);
	return 0;
}

/* Either time is 0 when it is not known. */
static __always_inline void count_times(block_dev device, struct cgroup *cgroup, enum request_op operation,
					u64 q2c, u64 d2c)
{
	struct disk_key disk = {device, operation};
	struct container_key of = {cgroup->kn->id, device};
	struct container_times *container;
	struct disk_times *times;

	times = metric_slot(&disks, &disk);
	if (times && q2c)
		histogram_observe(&times->q2c, q2c);
	if (times && d2c)
		histogram_observe(&times->d2c, d2c);
	container = of.cgroup ? times_of(&of, cgroup) : 0;
	if (container && q2c)
		histogram_observe(&container->q2c, q2c);
	if (container && d2c)
		histogram_observe(&container->d2c, d2c);
	/* Nothing is counted for a cgroup whose disks are not known: it would stay. */
	if (!container)
		of.cgroup = 0;
	count_zone(&q2c_zones, &container_q2c_zones, &of, q2c);
	count_zone(&d2c_zones, &container_d2c_zones, &of, d2c);
}

static __always_inline int request_issued(u64 id)
{
	span_start(&issued, &id);
	return 0;
}

SEC("tp_btf/block_rq_issue")
int BPF_PROG(request_issued___without_queue, struct request *rq)
{
	REFUSED_IF(request_comes_second());
	return request_issued((u64)rq);
}

SEC("tp_btf/block_rq_issue")
int BPF_PROG(request_issued___before_5_11, struct request_queue *queue, struct request *rq)
{
	return request_issued((u64)rq);
}

/* It will be issued again, or fail without. */
static __always_inline int request_requeued(u64 id)
{
	span_drop(&issued, &id);
	return 0;
}

SEC("tp_btf/block_rq_requeue")
int BPF_PROG(request_requeued___without_queue, struct request *rq)
{
	REFUSED_IF(request_comes_second());
	return request_requeued((u64)rq);
}

SEC("tp_btf/block_rq_requeue")
int BPF_PROG(request_requeued___before_5_11, struct request_queue *queue, struct request *rq)
{
	return request_requeued((u64)rq);
}

SEC("tp_btf/block_rq_complete")
int BPF_PROG(request_completed, struct request *rq, int error, unsigned int bytes)
{
	enum request_op operation = request_operation(rq);
	u64 id = (u64)rq, d2c, q2c, started;
	block_dev device;

	/* A part of it is done; the last part tells. */
	if (bytes < rq->__data_len)
		return 0;
	d2c = span_end(&issued, &id);
	if (operation == PASSTHROUGH_IN || operation == PASSTHROUGH_OUT)
		return 0;
	device = disk_number(request_disk(rq));
	if (operation == FLUSH) {
		struct flush_key flush = {device};

		if (d2c)
			histogram_record(&flushes, &flush, d2c);
		return 0;
	}
	started = rq->start_time_ns;
	q2c = started ? bpf_ktime_get_ns() - started : d2c;
	/* Data with a flush behind it is complete twice: first the data, then the whole. */
	if (request_is_in_flush(rq))
		q2c = 0;
	count_times(device, bio_cgroup(rq->bio), operation, q2c, d2c);
	return 0;
}

static __always_inline struct gendisk *disk_of_bios(struct bio *bio)
{
	struct gendisk *disk = bio->bi_bdev->bd_disk;

	return disk && !disk->queue->mq_ops ? disk : 0;
}

SEC("tp_btf/block_bio_queue")
int BPF_PROG(bio_queued, struct bio *bio)
{
	struct queued_bio queued = {};
	u64 id = (u64)bio;
	struct gendisk *disk;

	if (!bpf_core_field_exists(bio->bi_bdev))
		return 0;
	disk = disk_of_bios(bio);
	if (!disk)
		return 0;
	queued.time_ns = bpf_ktime_get_ns();
	queued.device = disk_number(disk);
	if (bpf_map_update_elem(&queued_bios, &id, &queued, BPF_ANY) != 0)
		__sync_fetch_and_add(&span_overflows, 1);
	return 0;
}

SEC("tp_btf/block_bio_complete")
int BPF_PROG(bio_completed, struct request_queue *queue, struct bio *bio)
{
	struct queued_bio *queued;
	u64 id = (u64)bio, q2c;
	block_dev device;

	queued = bpf_map_lookup_elem(&queued_bios, &id);
	if (!queued)
		return 0;
	device = queued->device;
	q2c = bpf_ktime_get_ns() - queued->time_ns;
	bpf_map_delete_elem(&queued_bios, &id);
	count_times(device, bio_cgroup(bio), bio->bi_opf & OPERATION_BITS, q2c, 0);
	return 0;
}

static __always_inline int move_disk(u64 cgroup, u64 heir, u32 device, bool can_read)
{
	struct container_key from = {cgroup, device}, to = {heir, device};

	if (!remember_disk(heir, device)) {
		__sync_fetch_and_add(&cgroup_counters_lost, 1);
		to.cgroup = heir = ROOT_CGROUP;
	}
	containers_move(&from, &to, can_read);
	for (u32 zone = 0; zone < NOT_SLOW; zone++) {
		struct container_zone_key from_zone = {cgroup, device, zone}, to_zone = {heir, device, zone};

		container_q2c_zones_move(&from_zone, &to_zone, can_read);
		container_d2c_zones_move(&from_zone, &to_zone, can_read);
	}
	return 0;
}

/* Each verified once, as remember_disk(). */
__noinline int move_disk_counts(u64 cgroup, u64 heir, u32 device)
{
	return move_disk(cgroup, heir, device, true);
}

__noinline int lose_disk_counts(u64 cgroup, u64 heir, u32 device)
{
	return move_disk(cgroup, heir, device, false);
}

static __always_inline int io_cgroup_removed(struct cgroup *removed, bool can_read)
{
	int index = bpf_core_enum_value(enum cgroup_subsys_id, io_cgrp_id);
	struct cgroup_disk_key key = {read_cgroup_id_for(removed, index)};
	u64 heir = read_cgroup_id_for(read_cgroup_parent(removed), index);
	bool kept = bpf_map_lookup_elem(&container_cgroups, &key.cgroup);

	if (!bpf_map_lookup_elem(&cgroup_disks, &key))
		return 0;
	for (u32 number = 0; number < MAX_DISKS_OF_CGROUP; number++) {
		u32 *device;

		key.number = number;
		device = bpf_map_lookup_elem(&cgroup_disks, &key);
		if (!device)
			break;
		if (!kept && can_read)
			move_disk_counts(key.cgroup, heir, *device);
		else if (!kept)
			lose_disk_counts(key.cgroup, heir, *device);
		bpf_map_delete_elem(&cgroup_disks, &key);
	}
	if (!kept)
		__sync_fetch_and_add(&cgroups_ended, 1);
	return 0;
}

SEC("tp_btf/cgroup_rmdir")
int BPF_PROG(io_cgroup_removed___with_counts_of_cpus, struct cgroup *removed)
{
	return io_cgroup_removed(removed, true);
}

SEC("tp_btf/cgroup_rmdir")
int BPF_PROG(io_cgroup_removed___before_5_19, struct cgroup *removed)
{
	return io_cgroup_removed(removed, false);
}

char LICENSE[] SEC("license") = "GPL";
