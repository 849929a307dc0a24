// SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0
/*
 * What ran on the host a moment ago: a profile of CPU time that never ends, in two windows that take turns.
 * A capture reads both, so it sees what ran before something was found to be wrong.
 *
 *   active = 0  │ stacks_0 counts       stacks_1 is kept │ stacks_1 is emptied, active = 1 │ …
 *
 * Each stack is counted with the cgroup its task was in, because whose stacks will be asked for is not known
 * yet, and the process may have moved or ended by then. `cgroups` has what is above a cgroup, which may be
 * gone, too.
 */
#include "profile_stack.h"
#include "slot.h"
#include "stack.h"

COLLECTOR_DOC("What ran on the host a moment ago");

/* src/profile/rolling-wire.ts has the same layouts. */
struct rolling_stack {
	struct profile_stack stack;
	u64 cgroup;	/* in the hierarchy of the controller cpu */
	u64 is_unified; /* which is that of v2 */
};

/* The loader makes them as large as there can be samples in a window, up to a bound. */
#define WINDOW(number)                                                                                       \
	struct {                                                                                             \
		__uint(type, BPF_MAP_TYPE_HASH);                                                             \
		__uint(max_entries, 16384);                                                                  \
		__uint(key_size, sizeof(struct rolling_stack));                                              \
		__type(value, struct profile_total);                                                         \
	} stacks_##number SEC(".maps");                                                                      \
	struct {                                                                                             \
		__uint(type, BPF_MAP_TYPE_HASH);                                                             \
		__uint(max_entries, 8192);                                                                   \
		__type(key, u32);                                                                            \
		__type(value, struct profile_process);                                                       \
	} processes_##number SEC(".maps")

WINDOW(0);
WINDOW(1);

/* Which window counts. */
SLOT(active, u32);

/* Since it was loaded. */
PERCPU_SLOT(counts, struct profile_counts);

/* By cgroup: those above it, nearest first; behind the last one there are zeros. */
struct cgroup_path {
	u64 above[MAX_NESTED_CGROUPS];
};
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 4096);
	__uint(key_size, sizeof(u64));
	__uint(value_size, sizeof(struct cgroup_path));
} cgroups SEC(".maps");

/* Too large for a program's stack. The kernel runs one program of this kind at a time on a CPU. */
struct draft {
	struct rolling_stack stack;
	struct cgroup_path path;
};
PERCPU_SLOT(drafts, struct draft);

static __always_inline void remember_cgroup(struct cgroup *cgroup, struct draft *draft)
{
	u64 id = cgroup->kn->id;

	draft->stack.cgroup = id;
	draft->stack.is_unified = cgroup->root->hierarchy_id == 0;
	if (bpf_map_lookup_elem(&cgroups, &id))
		return;
	for (int depth = 0; depth < MAX_NESTED_CGROUPS; depth++) {
		draft->path.above[depth] = 0;
		if (cgroup->level == 0)
			continue;
		cgroup = cgroup_parent(cgroup);
		draft->path.above[depth] = cgroup->kn->id;
	}
	bpf_map_update_elem(&cgroups, &id, &draft->path, BPF_ANY);
}

SEC("perf_event")
int profile_rolled(void *ctx)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct profile_counts *counted;
	struct draft *draft;
	u32 *window;

	counted = slot_of(&counts);
	if (task->pid == 0) {
		if (counted)
			counted->idle++;
		return 0;
	}
	draft = slot_of(&drafts);
	window = slot_of(&active);
	if (!draft || !window)
		return 0;
	draft->stack.stack.process = task->tgid;
	draft->stack.stack.state = ON_CPU;
	sampled_kernel_stack(ctx, draft->stack.stack.kernel);
	bpf_get_stack(ctx, draft->stack.stack.user, sizeof(draft->stack.stack.user), BPF_F_USER_STACK);
	remember_cgroup(profile_cgroup(task, OF_CPU), draft);
	if (*window == 0) {
		profile_remember_in(&processes_0, task);
		profile_add_to(&stacks_0, counted, &draft->stack, 1, 0);
	} else {
		profile_remember_in(&processes_1, task);
		profile_add_to(&stacks_1, counted, &draft->stack, 1, 0);
	}
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
