// SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0
/*
 * Who has the kernel make objects that stay, of which caches, and by which functions, for as long as a
 * capture looks.
 *
 *   allocated by the subject ──► one of sixteen addresses is followed ──► freed by whomever: taken off again
 *
 * Which addresses are followed is told by the address, so an object's end is known as its begin is, and of
 * fifteen of sixteen both cost a multiplication. What is left are objects that were not freed, times sixteen.
 *
 * Linux >= 6.1: the event has the cache. Objects that are made in bulk have no event.
 */
#include "kernel/mm.h"
#include "profile.h"
#include "stack.h"

COLLECTOR_DOC("Who has the kernel make objects that stay");

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct kmem_cache {
	const char *name;
	unsigned int size; /* of an object, with what is around it */
};

#pragma clang attribute pop

#define FOLLOWED_ONE_OF	 16
#define CACHE_NAME_BYTES 32

/* src/capture/memory-wire.ts has the same layouts. */
struct slab_user {
	u8 cache[CACHE_NAME_BYTES]; /* empty: kmalloc() */
	u32 object_bytes;
	u32 process;
};

struct slab_usage {
	u64 allocated_bytes;
	u64 freed_bytes; /* of them */
	comm_t comm;
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4096);
	__type(key, struct slab_user);
	__type(value, struct slab_usage);
} usages SEC(".maps");

struct slab_stack {
	struct profile_stack stack;
	u64 objects;
	u64 allocated_bytes;
	u64 freed_bytes;
};
/* By a hash of the stack, because an object that is freed must find its own again. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4096);
	__uint(key_size, sizeof(u64));
	__uint(value_size, sizeof(struct slab_stack));
} slab_stacks SEC(".maps");

/* By address: objects that are followed. */
struct slab_object {
	u64 stack;
	struct slab_user user;
};
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 32768);
	__type(key, u64);
	__uint(value_size, sizeof(struct slab_object));
} objects SEC(".maps");

struct slab_losses {
	u64 objects; /* that there was no room to follow, of those that were to be */
};
SLOT(losses, struct slab_losses);

/* Too large for a program's stack. The kernel runs one program of a kind at a time on a CPU. */
PERCPU_SLOT(drafts_of_caches, struct slab_stack);
PERCPU_SLOT(drafts_of_kmalloc, struct slab_stack);

/* Fibonacci hashing: the upper bits depend on all of the address. */
static __always_inline bool is_followed(u64 address)
{
	return (address * 0x9E3779B97F4A7C15ULL) >> 60 == 0;
}

static __always_inline u64 hash_of(const struct profile_stack *stack)
{
	u64 hash = stack->process;

	for (int depth = 0; depth < PROFILE_KERNEL_DEPTH; depth++)
		hash = (hash ^ stack->kernel[depth] ^ (hash >> 29)) * 0xBF58476D1CE4E5B9ULL;
	for (int depth = 0; depth < PROFILE_USER_DEPTH; depth++)
		hash = (hash ^ stack->user[depth] ^ (hash >> 29)) * 0x94D049BB133111EBULL;
	return hash;
}

static __always_inline void lose_object(void)
{
	struct slab_losses *lost = slot_of(&losses);

	if (lost)
		__sync_fetch_and_add(&lost->objects, 1);
}

static __always_inline void follow(void *ctx, u64 address, struct slab_user *user, struct slab_stack *draft)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct slab_object object = {.user = *user};
	struct slab_usage fresh = {}, *usage;
	struct slab_stack *stack;
	u64 bytes = (u64)user->object_bytes * FOLLOWED_ONE_OF;

	if (!draft)
		return;
	draft->stack.process = task->tgid;
	draft->stack.state = ON_CPU;
	kernel_stack(ctx, draft->stack.kernel);
	bpf_get_stack(ctx, draft->stack.user, sizeof(draft->stack.user), BPF_F_USER_STACK);
	object.stack = hash_of(&draft->stack);
	object.user.process = task->tgid;
	profile_remember(task);
	stack = find_or_add(&slab_stacks, &object.stack, draft);
	usage = bpf_map_lookup_elem(&usages, &object.user);
	if (!usage) {
		BPF_CORE_READ_STR_INTO(&fresh.comm, task, group_leader, comm);
		usage = find_or_add(&usages, &object.user, &fresh);
	}
	if (!stack || !usage || bpf_map_update_elem(&objects, &address, &object, BPF_ANY)) {
		lose_object();
		return;
	}
	__sync_fetch_and_add(&stack->objects, FOLLOWED_ONE_OF);
	__sync_fetch_and_add(&stack->allocated_bytes, bytes);
	__sync_fetch_and_add(&usage->allocated_bytes, bytes);
}

static __always_inline void freed(u64 address)
{
	struct slab_object *object;
	struct slab_stack *stack;
	struct slab_usage *usage;
	u64 bytes;

	if (!is_followed(address))
		return;
	object = bpf_map_lookup_elem(&objects, &address);
	if (!object)
		return;
	bytes = (u64)object->user.object_bytes * FOLLOWED_ONE_OF;
	stack = bpf_map_lookup_elem(&slab_stacks, &object->stack);
	usage = bpf_map_lookup_elem(&usages, &object->user);
	if (stack)
		__sync_fetch_and_add(&stack->freed_bytes, bytes);
	if (usage)
		__sync_fetch_and_add(&usage->freed_bytes, bytes);
	bpf_map_delete_elem(&objects, &address);
}

SEC("tp_btf/kmem_cache_alloc")
int BPF_PROG(slab_cache_allocated, unsigned long call_site, const void *object, struct kmem_cache *cache)
{
	struct slab_user user = {};

	if (!object || !is_followed((u64)object) || !is_of_subject(bpf_get_current_task_btf()))
		return 0;
	user.object_bytes = BPF_CORE_READ(cache, size);
	bpf_probe_read_kernel_str(user.cache, sizeof(user.cache), BPF_CORE_READ(cache, name));
	if (user.object_bytes)
		follow(ctx, (u64)object, &user, slot_of(&drafts_of_caches));
	return 0;
}

SEC("tp_btf/kmalloc")
int BPF_PROG(slab_allocated, unsigned long call_site, const void *object, unsigned long asked,
	     unsigned long bytes)
{
	struct slab_user user = {.object_bytes = (u32)bytes};

	if (object && is_followed((u64)object) && is_of_subject(bpf_get_current_task_btf()))
		follow(ctx, (u64)object, &user, slot_of(&drafts_of_kmalloc));
	return 0;
}

SEC("tp_btf/kmem_cache_free")
int BPF_PROG(slab_cache_freed, unsigned long call_site, const void *object)
{
	freed((u64)object);
	return 0;
}

SEC("tp_btf/kfree")
int BPF_PROG(slab_freed, unsigned long call_site, const void *object)
{
	freed((u64)object);
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
