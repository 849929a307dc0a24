/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/*
 * The kernel's types our programs look into, with the fields they use and nothing else: this directory has
 * one header for each subsystem. Offsets here mean nothing: preserve_access_index makes clang emit
 * relocations, and libbpf resolves them against the running kernel's BTF. So the build needs no vmlinux.h and
 * does not depend on the kernel it runs on.
 */
#ifndef HUATUO_KERNEL_CGROUP_H
#define HUATUO_KERNEL_CGROUP_H

#include "huatuo.h"

/* How far programs go up from a cgroup: deeper than they are nested in practice. */
#define MAX_CGROUP_DEPTH 32

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct kernfs_node {
	u64 id;
};

struct cgroup_subsys_state {
	struct cgroup *cgroup;
	struct cgroup_subsys_state *parent;
	unsigned int flags;
};

struct cgroup {
	struct cgroup_subsys_state self; /* of no controller */
	struct kernfs_node *kn;
	struct cgroup_root *root;
	int level; /* 0 is the root of the hierarchy */
};

struct cgroup_root {
	int hierarchy_id;
	unsigned int subsys_mask;
};

/* Indices differ from kernel to kernel: use bpf_core_enum_value(). */
enum cgroup_subsys_id { cpu_cgrp_id, io_cgrp_id, memory_cgrp_id, CGROUP_SUBSYS_COUNT = 16 };

struct css_set {
	struct cgroup_subsys_state *subsys[CGROUP_SUBSYS_COUNT];
	struct cgroup *dfl_cgrp; /* in the hierarchy of v2 */
};

#pragma clang attribute pop

/* Whether the cgroup is in the hierarchy of a controller. `controller`: bpf_core_enum_value(). */
static __always_inline bool cgroup_has_controller(struct cgroup *cgroup, int controller)
{
	return cgroup->root->subsys_mask >> controller & 1;
}

/*
 * A cgroup of another hierarchy than that of the controller an id is of: its hierarchy's number, plus one, is
 * put in front of the inode, which has no use for these bits (src/sdk/container.ts, splitCgroupId).
 */
#define CGROUP_HIERARCHY_SHIFT 56

static __always_inline u64 cgroup_of_other(struct cgroup *cgroup)
{
	u64 hierarchy = cgroup->root->hierarchy_id;

	return ((hierarchy + 1) << CGROUP_HIERARCHY_SHIFT) | cgroup->kn->id;
}

/* What programs report for the cgroup where they ask for the one of a controller. */
static __always_inline u64 cgroup_id_for(struct cgroup *cgroup, int controller)
{
	return cgroup_has_controller(cgroup, controller) ? cgroup->kn->id : cgroup_of_other(cgroup);
}

#define CSS_ONLINE 2

/*
 * Whether its directory is there. Tasks at their end, and writes of what was in the page cache, belong to it
 * longer.
 */
static __always_inline bool cgroup_is_live(struct cgroup *cgroup)
{
	return cgroup->self.flags & CSS_ONLINE;
}

static __always_inline struct cgroup *cgroup_parent(struct cgroup *cgroup)
{
	return cgroup->self.parent->cgroup;
}

#endif
