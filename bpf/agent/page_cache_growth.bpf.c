// SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0
/*
 * Who fills the page cache, with which files, and by which functions, for as long as a capture looks.
 *
 * Each page that is added counts for the task in whose context that is done, which reads, writes or touches
 * it, and pays for it. Of a large folio all pages do. Memory of tmpfs is not among them: it is no cache.
 *
 * Linux >= 5.16: the event has a folio.
 */
#include "file_names.h"
#include "kernel/mm.h"
#include "profile.h"
#include "stack.h"

COLLECTOR_DOC("Who fills the page cache, and with which files");

/*
 * A stack for each so many additions, with the bytes of all since the one before. Those behind the last stack
 * of a CPU, seven at most, are in the usages, which count each addition, and in no stack.
 */
#define ADDITIONS_PER_STACK 8

/* src/generated/agent_structs.ts has these layouts. */
struct cache_user {
	struct file_id file;
	u32 process;
	u32 _pad;
};

struct cache_usage {
	u64 bytes;
	comm_t comm;
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4096);
	__type(key, struct cache_user);
	__type(value, struct cache_usage);
} usages SEC(".maps");

struct cache_losses {
	u64 additions; /* there was no room to count them by process and file */
};
SLOT(losses, struct cache_losses);

/* Too large for a program's stack. The kernel runs one program of this kind at a time on a CPU. */
struct draft {
	struct profile_stack stack;
	u64 bytes; /* of additions since the last stack */
	u64 additions;
};
PERCPU_SLOT(drafts, struct draft);

static __always_inline void count_usage(struct task_struct *task, struct folio *folio, u64 bytes)
{
	struct inode *inode = inode_of_folio((void *)folio);
	struct cache_user user = {.process = task->tgid};
	struct cache_usage fresh = {}, *usage;
	struct cache_losses *lost;

	if (inode)
		remember_file(&user.file, inode);
	usage = bpf_map_lookup_elem(&usages, &user);
	if (!usage) {
		BPF_CORE_READ_STR_INTO(&fresh.comm, task, group_leader, comm);
		usage = find_or_add(&usages, &user, &fresh);
	}
	if (usage) {
		__sync_fetch_and_add(&usage->bytes, bytes);
		return;
	}
	lost = slot_of(&losses);
	if (lost)
		__sync_fetch_and_add(&lost->additions, 1);
}

SEC("tp_btf/mm_filemap_add_to_page_cache")
int BPF_PROG(page_cache_added, struct folio *folio)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct draft *draft;
	u64 bytes;

	if (!is_of_subject(task))
		return 0;
	bytes = page_bytes << folio_order(folio);
	count_usage(task, folio, bytes);
	draft = slot_of(&drafts);
	if (!draft)
		return 0;
	draft->bytes += bytes;
	if (draft->additions++ % ADDITIONS_PER_STACK != 0)
		return 0;
	draft->stack.process = task->tgid;
	draft->stack.state = ON_CPU;
	kernel_stack(ctx, draft->stack.kernel);
	bpf_get_stack(ctx, draft->stack.user, sizeof(draft->stack.user), BPF_F_USER_STACK);
	profile_remember(task);
	profile_add(&draft->stack, 1, draft->bytes);
	draft->bytes = 0;
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
