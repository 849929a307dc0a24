/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/*
 * What a program looks at, set while it runs: the collector writes the one entry of the map `filter`.
 *
 *   await object.map('filter').set(0, { cgroup_id: 4711n, pid: 0, device: 0 });
 *
 * 0 lets everything pass, which is how it begins.
 */
#ifndef HUATUO_FILTER_H
#define HUATUO_FILTER_H

#include "huatuo.h"

struct filter_settings {
	cgroup_id cgroup_id; /* of whatever hierarchy the program compares */
	pid_nr pid;	     /* process */
	block_dev device;    /* disk */
};
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct filter_settings);
} filter SEC(".maps");

static __always_inline struct filter_settings *filter_now(void)
{
	u32 zero = 0;

	return bpf_map_lookup_elem(&filter, &zero);
}

static __always_inline bool filter_passes_cgroup(u64 id)
{
	struct filter_settings *settings = filter_now();

	return !settings || settings->cgroup_id == 0 || settings->cgroup_id == id;
}

static __always_inline bool filter_passes_process(u32 pid)
{
	struct filter_settings *settings = filter_now();

	return !settings || settings->pid == 0 || settings->pid == pid;
}

static __always_inline bool filter_passes_device(u32 device)
{
	struct filter_settings *settings = filter_now();

	return !settings || settings->device == 0 || settings->device == device;
}

#endif
