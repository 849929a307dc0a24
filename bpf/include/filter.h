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

#include "slot.h"

struct filter_settings {
	cgroup_id cgroup_id; /* of whatever hierarchy the program compares */
	pid_nr pid;	     /* process */
	block_dev device;    /* disk */
};
SLOT(filter, struct filter_settings);

static __always_inline bool filter_passes_cgroup(u64 id)
{
	struct filter_settings *settings = slot_of(&filter);

	return !settings || settings->cgroup_id == 0 || settings->cgroup_id == id;
}

static __always_inline bool filter_passes_process(u32 pid)
{
	struct filter_settings *settings = slot_of(&filter);

	return !settings || settings->pid == 0 || settings->pid == pid;
}

static __always_inline bool filter_passes_device(u32 device)
{
	struct filter_settings *settings = slot_of(&filter);

	return !settings || settings->device == 0 || settings->device == device;
}

#endif
