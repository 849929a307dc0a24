/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/*
 * Disks: include/linux/blk-mq.h, blkdev.h, blk_types.h, blk-cgroup.h
 *
 * Pointers below are of types the verifier knows, as in kernel/sched.h; what is behind one that is NULL reads
 * as 0.
 */
#ifndef HUATUO_KERNEL_BLOCK_H
#define HUATUO_KERNEL_BLOCK_H

#include "kernel/cgroup.h"

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct gendisk {
	int major;
	int first_minor;
	struct request_queue *queue;
};

struct request_queue {
	struct gendisk *disk; /* Linux >= 5.15 */
	void *mq_ops;	      /* NULL: the driver takes bios and makes no requests */
};

struct blkcg {
	struct cgroup_subsys_state css;
};

struct blkcg_gq {
	struct blkcg *blkcg;
};

struct block_device {
	struct gendisk *bd_disk;
};

struct bio {
	struct block_device *bi_bdev; /* Linux >= 5.12 */
	struct blkcg_gq *bi_blkg;
	unsigned int bi_opf;
};

struct bio___before_5_12 {
	struct gendisk *bi_disk;
};

struct request {
	struct request_queue *q;
	unsigned int cmd_flags;
	unsigned int rq_flags;
	unsigned int __data_len;
	struct bio *bio;
	u64 start_time_ns;
};

/* Before Linux 5.15. */
struct request___with_disk {
	struct gendisk *rq_disk;
};

/* Since Linux 6.10; before, RQF_FLUSH_SEQ was bit 4. */
enum rqf_flags { __RQF_FLUSH_SEQ = 1 };

#pragma clang attribute pop

#define MINOR_BITS	 20
#define OPERATION_BITS	 0xff
#define OLD_RQ_FLUSH_SEQ 4

/* enum req_op, by the names of blktrace's tools; numbers that are not here are of zoned disks. */
enum request_op {
	READ = 0,
	WRITE = 1,
	FLUSH = 2,
	DISCARD = 3,
	SECURE_ERASE = 5,
	WRITE_ZEROES = 9,
	PASSTHROUGH_IN = 34,
	PASSTHROUGH_OUT = 35,
};

static __always_inline block_dev disk_number(struct gendisk *disk)
{
	return disk->major << MINOR_BITS | disk->first_minor;
}

static __always_inline struct gendisk *request_disk(struct request *rq)
{
	struct request___with_disk *old = (void *)rq;

	if (bpf_core_field_exists(old->rq_disk))
		return old->rq_disk;
	return rq->q->disk;
}

/* NULL for a bio without one, as some drivers make for themselves. */
static __always_inline struct gendisk *bio_disk(struct bio *bio)
{
	struct bio___before_5_12 *old = (void *)bio;

	if (bpf_core_field_exists(old->bi_disk))
		return BPF_CORE_READ(old, bi_disk);
	return BPF_CORE_READ(bio, bi_bdev, bd_disk);
}

/*
 * Until Linux 5.11 the queue came first in these tracepoints. Late 5.10.y have the one change, too, and still
 * the types of before: only the type that each tracepoint leaves in the kernel's BTF tells.
 */
typedef void (*btf_trace_block_rq_issue___with_queue)(void *, struct request_queue *, struct request *);
typedef void (*btf_trace_block_bio_queue___with_queue)(void *, struct request_queue *, struct bio *);

static __always_inline bool request_comes_second(void)
{
	return bpf_core_type_exists(btf_trace_block_rq_issue___with_queue);
}

static __always_inline bool bio_comes_second(void)
{
	return bpf_core_type_exists(btf_trace_block_bio_queue___with_queue);
}

static __always_inline enum request_op request_operation(struct request *rq)
{
	return rq->cmd_flags & OPERATION_BITS;
}

/* Part of a flush: the flush itself, or data that is only done when a flush behind it is. */
static __always_inline bool request_is_in_flush(struct request *rq)
{
	u32 bit = OLD_RQ_FLUSH_SEQ;

	if (bpf_core_enum_value_exists(enum rqf_flags, __RQF_FLUSH_SEQ))
		bit = bpf_core_enum_value(enum rqf_flags, __RQF_FLUSH_SEQ);
	return rq->rq_flags >> bit & 1;
}

/* The cgroup that pays for it: of who asked, or, for writes from the page cache, of who made the page dirty.
 */
static __always_inline struct cgroup *bio_cgroup(struct bio *bio)
{
	return bio->bi_blkg->blkcg->css.cgroup;
}

#endif
