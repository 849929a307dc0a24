// SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0
/*
 * Who reads and writes one disk, and which files, for as long as a capture looks.
 *
 *   a task queues a bio ──► issued to the driver ──► complete: bytes and times of (process, file)
 *   a task makes a page of a file dirty ──► bytes of (process, file) that will be written, by whomever
 *
 * The file of a bio is that of the page cache's page in it, or, past the cache, that of the direct read or
 * write which the task is in. What the page cache writes back by itself is queued by a thread of the kernel:
 * of such bytes the file is known, and the cgroup that pays; who has made the pages dirty is counted when
 * that happens.
 *
 * Linux >= 5.10.
 */
#include "map_value.h"
#include "slot.h"
#include "file_names.h"
#include "kernel/mm.h"
#include "kernel/sched.h"

COLLECTOR_DOC("Who reads and writes a disk, and which files");

const volatile u32 device = 0;

/* src/capture/disk-wire.ts has the same layouts. */
struct disk_user {
	struct file_id file;
	u64 cgroup;
	u32 process;
	u8 is_kernel;
	u8 is_direct;
	u8 _pad[2];
};

struct disk_usage {
	u64 read_bytes;
	u64 write_bytes;
	u64 dirtied_bytes;
	u64 bios;
	u64 q2c_ns;
	u64 q2c_max_ns;
	u64 issued_bios; /* of them, those of which d2c is known */
	u64 d2c_ns;
	u64 d2c_max_ns;
	comm_t comm;
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4096);
	__type(key, struct disk_user);
	__type(value, struct disk_usage);
} usages SEC(".maps");

struct disk_bio {
	struct disk_user user;
	u64 queued_ns;
	u64 issued_ns; /* 0: it was not */
	u32 bytes;
	u32 is_write;
	comm_t comm;
};
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 8192);
	__type(key, u64);
	__type(value, struct disk_bio);
} in_flight SEC(".maps");

/* By thread: the file that it reads or writes past the page cache. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 4096);
	__type(key, u32);
	__type(value, struct file_id);
} direct_files SEC(".maps");

struct disk_losses {
	u64 bios;   /* there was no room to follow them, or too many in a request */
	u64 usages; /* nor to add them up */
};
SLOT(losses, struct disk_losses);

static __always_inline bool is_ours(struct gendisk *disk)
{
	return disk &&
	       (BPF_CORE_READ(disk, major) << MINOR_BITS | BPF_CORE_READ(disk, first_minor)) == device;
}

static __always_inline void fill_user(struct disk_user *user, comm_t *comm)
{
	struct task_struct *task = (void *)bpf_get_current_task();

	user->process = bpf_get_current_pid_tgid() >> 32;
	user->is_kernel = (BPF_CORE_READ(task, flags) & PF_KTHREAD) != 0;
	BPF_CORE_READ_STR_INTO(comm, task, group_leader, comm);
}

static __always_inline struct disk_usage *usage_of(struct disk_user *user, const u8 *comm)
{
	struct disk_usage fresh = {}, *usage;
	struct disk_losses *lost;

	__builtin_memcpy(fresh.comm, comm, sizeof(fresh.comm));
	usage = find_or_add(&usages, user, &fresh);
	lost = usage ? 0 : slot_of(&losses);
	if (lost)
		__sync_fetch_and_add(&lost->usages, 1);
	return usage;
}

static __always_inline int disk_bio_queued(struct bio *bio)
{
	struct bio___of_pages *pages = (void *)bio;
	u32 operation = bio->bi_opf & OPERATION_BITS, tid;
	struct disk_bio queued = {};
	struct file_id *direct;
	struct disk_losses *lost;
	struct inode *inode;
	u64 id = (u64)bio;

	if ((operation != READ && operation != WRITE) || !is_ours(bio_disk(bio)))
		return 0;
	queued.bytes = BPF_CORE_READ(pages, bi_iter.bi_size);
	if (!queued.bytes)
		return 0;
	queued.is_write = operation == WRITE;
	queued.queued_ns = bpf_ktime_get_ns();
	queued.user.cgroup = bio_cgroup(bio)->kn->id;
	fill_user(&queued.user, &queued.comm);
	inode = inode_of_folio(head_of_page(BPF_CORE_READ(pages, bi_io_vec, bv_page)));
	tid = (u32)bpf_get_current_pid_tgid();
	direct = inode ? 0 : bpf_map_lookup_elem(&direct_files, &tid);
	if (inode) {
		remember_file(&queued.user.file, inode);
	} else if (direct) {
		queued.user.file = *direct;
		queued.user.is_direct = 1;
	}
	if (bpf_map_update_elem(&in_flight, &id, &queued, BPF_ANY) == 0)
		return 0;
	lost = slot_of(&losses);
	if (lost)
		__sync_fetch_and_add(&lost->bios, 1);
	return 0;
}

SEC("tp_btf/block_bio_queue")
int BPF_PROG(disk_bio_queued___without_queue, struct bio *bio)
{
	REFUSED_IF(bio_comes_second());
	return disk_bio_queued(bio);
}

SEC("tp_btf/block_bio_queue")
int BPF_PROG(disk_bio_queued___before_5_11, struct request_queue *queue, struct bio *bio)
{
	return disk_bio_queued(bio);
}

/* More than a request has; without bpf_loop() more than most have. */
#define MAX_BIOS	     4096
#define MAX_BIOS_BEFORE_5_17 128

struct bio_walk {
	struct bio___of_pages *bio;
	u64 now;
	u64 bytes; /* that are done, of those that have not been passed */
};

static long bio_issued(u32 number, struct bio_walk *walk)
{
	struct bio___of_pages *bio = walk->bio;
	u64 id = (u64)bio;
	struct disk_bio *queued = bpf_map_lookup_elem(&in_flight, &id);

	if (queued)
		queued->issued_ns = walk->now;
	walk->bio = (void *)BPF_CORE_READ(bio, bi_next);
	return !walk->bio;
}

static __always_inline bool is_walked(struct request *rq)
{
	return rq->bio && disk_number(request_disk(rq)) == device;
}

SEC("tp_btf/block_rq_issue")
int BPF_PROG(disk_request_issued___with_bpf_loop, struct request *rq)
{
	struct bio_walk walk = {(void *)rq->bio, bpf_ktime_get_ns()};

	if (is_walked(rq))
		bpf_loop(MAX_BIOS, bio_issued, &walk, 0);
	return 0;
}

static __always_inline int issued_before_5_17(struct request *rq)
{
	struct bio_walk walk = {(void *)rq->bio, bpf_ktime_get_ns()};

	if (!is_walked(rq))
		return 0;
	for (u32 number = 0; number < MAX_BIOS_BEFORE_5_17; number++)
		if (bio_issued(number, &walk))
			break;
	return 0;
}

SEC("tp_btf/block_rq_issue")
int BPF_PROG(disk_request_issued___before_5_17, struct request *rq)
{
	REFUSED_IF(request_comes_second());
	return issued_before_5_17(rq);
}

SEC("tp_btf/block_rq_issue")
int BPF_PROG(disk_request_issued___before_5_11, struct request_queue *queue, struct request *rq)
{
	return issued_before_5_17(rq);
}

static __always_inline void bio_done(u64 id, u64 now)
{
	struct disk_bio *queued = bpf_map_lookup_elem(&in_flight, &id);
	struct disk_usage *usage;
	u64 q2c, d2c;

	if (!queued)
		return;
	usage = usage_of(&queued->user, queued->comm);
	q2c = now - queued->queued_ns;
	d2c = queued->issued_ns ? now - queued->issued_ns : 0;
	if (usage) {
		__sync_fetch_and_add(queued->is_write ? &usage->write_bytes : &usage->read_bytes,
				     queued->bytes);
		__sync_fetch_and_add(&usage->bios, 1);
		__sync_fetch_and_add(&usage->q2c_ns, q2c);
		if (q2c > usage->q2c_max_ns)
			usage->q2c_max_ns = q2c;
		__sync_fetch_and_add(&usage->issued_bios, d2c != 0);
		__sync_fetch_and_add(&usage->d2c_ns, d2c);
		if (d2c > usage->d2c_max_ns)
			usage->d2c_max_ns = d2c;
	}
	bpf_map_delete_elem(&in_flight, &id);
}

static long bio_of_request_done(u32 number, struct bio_walk *walk)
{
	struct bio___of_pages *bio = walk->bio;
	u32 bytes = BPF_CORE_READ(bio, bi_iter.bi_size);

	/* The rest of it is not. */
	if (bytes > walk->bytes)
		return 1;
	walk->bytes -= bytes;
	bio_done((u64)bio, walk->now);
	walk->bio = (void *)BPF_CORE_READ(bio, bi_next);
	return !walk->bio;
}

SEC("tp_btf/block_rq_complete")
int BPF_PROG(disk_request_completed___with_bpf_loop, struct request *rq, int error, unsigned int bytes)
{
	struct bio_walk walk = {(void *)rq->bio, bpf_ktime_get_ns(), bytes};

	if (is_walked(rq))
		bpf_loop(MAX_BIOS, bio_of_request_done, &walk, 0);
	return 0;
}

SEC("tp_btf/block_rq_complete")
int BPF_PROG(disk_request_completed___before_5_17, struct request *rq, int error, unsigned int bytes)
{
	struct bio_walk walk = {(void *)rq->bio, bpf_ktime_get_ns(), bytes};
	struct disk_losses *lost;

	if (!is_walked(rq))
		return 0;
	for (u32 number = 0; number < MAX_BIOS_BEFORE_5_17; number++)
		if (bio_of_request_done(number, &walk))
			return 0;
	lost = slot_of(&losses);
	if (lost)
		__sync_fetch_and_add(&lost->bios, 1);
	return 0;
}

/* Of drivers that take bios and make no requests: the kernel has no such event for the bios of a request. */
SEC("tp_btf/block_bio_complete")
int BPF_PROG(disk_bio_completed, struct request_queue *queue, struct bio *bio)
{
	bio_done((u64)bio, bpf_ktime_get_ns());
	return 0;
}

SEC("?tp_btf/iomap_dio_rw_begin")
int BPF_PROG(disk_direct_begins, struct kiocb *iocb)
{
	u32 tid = (u32)bpf_get_current_pid_tgid();
	struct inode *inode = BPF_CORE_READ(iocb, ki_filp, f_inode);
	struct file_id file = {};

	if (!inode || !is_ours(BPF_CORE_READ(inode, i_sb, s_bdev, bd_disk)))
		return 0;
	remember_file(&file, inode);
	bpf_map_update_elem(&direct_files, &tid, &file, BPF_ANY);
	return 0;
}

/* Asynchronous ones are queued, others complete, in the thread that began them. */
SEC("?tp_btf/iomap_dio_rw_queued")
int BPF_PROG(disk_direct_queued, struct inode *inode)
{
	u32 tid = (u32)bpf_get_current_pid_tgid();

	bpf_map_delete_elem(&direct_files, &tid);
	return 0;
}

SEC("?tp_btf/iomap_dio_complete")
int BPF_PROG(disk_direct_completed, struct kiocb *iocb)
{
	u32 tid = (u32)bpf_get_current_pid_tgid();

	bpf_map_delete_elem(&direct_files, &tid);
	return 0;
}

/* Linux >= 5.18 */
SEC("?tp_btf/writeback_dirty_folio")
int BPF_PROG(disk_page_dirtied, struct folio *folio, struct address_space *mapping)
{
	struct disk_user user = {};
	struct disk_usage *usage;
	struct inode *inode;
	comm_t comm = {};

	/* The verifier takes it for one that may be NULL. */
	if (!mapping)
		return 0;
	inode = BPF_CORE_READ(mapping, host);
	if (!inode || !is_ours(BPF_CORE_READ(inode, i_sb, s_bdev, bd_disk)))
		return 0;
	remember_file(&user.file, inode);
	user.cgroup = task_io_cgroup(bpf_get_current_task_btf());
	fill_user(&user, &comm);
	usage = usage_of(&user, comm);
	if (usage)
		__sync_fetch_and_add(&usage->dirtied_bytes, page_bytes << folio_order(folio));
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
