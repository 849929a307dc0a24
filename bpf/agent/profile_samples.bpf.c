// SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0
/*
 * What a subject is at when an event comes: the clock of each CPU, for a profile of CPU time, or a page
 * fault, for one of memory that comes into use. Which one, and how often, is said when the program is
 * attached.
 */
#include "profile.h"
#include "stack.h"

COLLECTOR_DOC("What the tasks of a profile's subject are at when they are sampled");

/* Too large for a program's stack. The kernel runs one program of this kind at a time on a CPU. */
PERCPU_SLOT(drafts, struct profile_stack);

SEC("perf_event")
int profile_sampled(void *ctx)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct profile_counts *counted;
	struct profile_stack *draft;

	if (task->pid == 0) {
		counted = slot_of(&counts);
		if (counted)
			counted->idle++;
		return 0;
	}
	if (!is_of_subject(task))
		return 0;
	draft = slot_of(&drafts);
	if (!draft)
		return 0;
	draft->process = task->tgid;
	draft->state = ON_CPU;
	sampled_kernel_stack(ctx, draft->kernel);
	bpf_get_stack(ctx, draft->user, sizeof(draft->user), BPF_F_USER_STACK);
	profile_remember(task);
	profile_add(draft, 1, 0);
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
