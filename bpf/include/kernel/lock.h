/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/* The lock a task waits for, and who holds it: Linux >= 6.16 with CONFIG_DETECT_HUNG_TASK_BLOCKER. */
#ifndef HUATUO_KERNEL_LOCK_H
#define HUATUO_KERNEL_LOCK_H

#include "kernel/sched.h"

/* include/linux/hung_task.h BLOCKER_TYPE_*, plus one. */
enum lock_kind { no_lock, mutex, semaphore, rwsem_reader, rwsem_writer };
#define BLOCKER_TYPES 3UL

struct awaited_lock {
	u64 addr;
	enum lock_kind kind;
	u32 holder_tid; /* 0: readers hold it, or it is not known */
	comm_t holder_comm;
};

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct task_struct___blocked {
	unsigned long blocker; /* address of the lock, and its kind in the lowest bits */
};

typedef struct {
	s64 counter;
} atomic_long_t;

/* `owner` is the address of the holder's task_struct, with flags in the lowest bits. */
struct mutex {
	atomic_long_t owner;
};

struct rw_semaphore {
	atomic_long_t owner;
};

#pragma clang attribute pop

#define MUTEX_FLAGS	   7
#define RWSEM_FLAGS	   3
#define RWSEM_READER_OWNED 1

/* The holder may let go and end while it is read: it counts when it holds the lock afterwards too. */
static __always_inline void read_holder(struct awaited_lock *lock, s64 *owner, u64 flags)
{
	struct task_struct *holder;
	s64 before = 0, after = 0;

	bpf_probe_read_kernel(&before, sizeof(before), owner);
	holder = (void *)(before & ~flags);
	if (!holder || (flags == RWSEM_FLAGS && before & RWSEM_READER_OWNED))
		return;
	lock->holder_tid = BPF_CORE_READ(holder, pid);
	BPF_CORE_READ_STR_INTO(&lock->holder_comm, holder, comm);
	bpf_probe_read_kernel(&after, sizeof(after), owner);
	if ((before ^ after) & ~flags) {
		lock->holder_tid = 0;
		__builtin_memset(lock->holder_comm, 0, sizeof(lock->holder_comm));
	}
}

/* Fills `lock`, which was cleared; leaves it so when no wait is known. */
static __always_inline void read_awaited_lock(struct task_struct *task, struct awaited_lock *lock)
{
	struct task_struct___blocked *waiter = (void *)task;
	u64 blocker, addr;

	if (!bpf_core_field_exists(waiter->blocker))
		return;
	blocker = BPF_CORE_READ(waiter, blocker);
	addr = blocker & ~BLOCKER_TYPES;
	if (!addr)
		return;
	lock->addr = addr;
	lock->kind = (blocker & BLOCKER_TYPES) + mutex;
	if (lock->kind == mutex)
		read_holder(lock, &((struct mutex *)addr)->owner.counter, MUTEX_FLAGS);
	else if (lock->kind != semaphore)
		read_holder(lock, &((struct rw_semaphore *)addr)->owner.counter, RWSEM_FLAGS);
}

#endif
