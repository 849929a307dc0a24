/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/*
 * Iterators: a program SEC("iter/task") or SEC("iter/cgroup") runs once for each task, or each cgroup, when
 * the collector asks (`object.iterate()`). What it writes with iterator_write() is the answer, one record
 * behind the other.
 */
#ifndef HUATUO_ITERATOR_H
#define HUATUO_ITERATOR_H

#include "kernel/sched.h"

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct seq_file;

struct bpf_iter_meta {
	struct seq_file *seq;
	u64 session_id;
	u64 seq_num;
};

/* `task` is NULL in the last run, after all tasks; so is `cgroup`. */
struct bpf_iter__task {
	struct bpf_iter_meta *meta;
	struct task_struct *task;
};

struct bpf_iter__cgroup {
	struct bpf_iter_meta *meta;
	struct cgroup *cgroup;
};

#pragma clang attribute pop

/* A record that does not fit into the buffer is asked for again with the next one: the run is repeated. */
#define iterator_write(ctx, record) bpf_seq_write((ctx)->meta->seq, record, sizeof(*(record)))

#endif
