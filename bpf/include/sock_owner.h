/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/*
 * Whose a socket is. Timers and received packets run in whatever task they interrupt, so `current` says
 * nothing about it. The process that calls connect() or listen() is remembered with the socket, and what is
 * accepted from a listener inherits (BPF_F_CLONE).
 *
 * The cgroup is known better where the kernel keeps it: the one that pays for the socket's buffers, which is
 * set again by accept(), and, with cgroup v2, the one in which it was made. A socket that was there before
 * the collector has the cgroup only when the kernel keeps it; else its owner is not known, which is not to be
 * taken for the host: `known_by` says so. Sockets of the kernel (NFS, say) have no owner either.
 *
 * Including this attaches a program to inet_sock_set_state. Before Linux 5.11 tracing programs may not
 * remember anything with a socket: its owner is then known where the kernel keeps a cgroup.
 */
#ifndef HUATUO_SOCK_OWNER_H
#define HUATUO_SOCK_OWNER_H

#include "kernel/mm.h"
#include "kernel/current_task.h"
#include "metric.h"
#include "sock.h"

enum owner_known_by {
	unknown_owner,
	connect_or_listen, /* the process that called it */
	socket_memory,	   /* mem_cgroup_sk_alloc(): the cgroup the buffers are charged to */
	socket_creation,   /* cgroup_sk_alloc(): the v2 cgroup that made it */
};

struct sock_owner {
	memory_cgroup_id cgroup_id;
	pid_nr pid;
	comm_t comm;
	enum owner_known_by known_by;
};
struct {
	__uint(type, BPF_MAP_TYPE_SK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC | BPF_F_CLONE);
	__type(key, int);
	__type(value, struct sock_owner);
} sock_owners SEC(".maps");

/* Since Linux 5.11, as bpf_get_current_task_btf(); what could be asked for instead says nothing of tracing.
 */
static __always_inline bool has_socket_storage(void)
{
	return knows_current_task();
}

/* Storage goes with its socket and has no bound of its own, but the kernel may have no memory for it. */
u64 sock_owners_lost COUNTER("huatuo_bpf_socket_owners_lost_total",
			     "Sockets whose owner could not be kept: their documents may not name it.")
    BY_COLLECTOR;

/* net/ipv4/tcp_ipv4.c tcp_v4_connect(), inet_connection_sock.c inet_csk_listen_start(): in the caller's
 * context. Every later change of state may come from a packet. */
SEC("tp_btf/inet_sock_set_state")
int BPF_PROG(sock_owner_appears, const struct sock *sk, int before, int after)
{
	struct sock_owner *owner;

	if (!has_socket_storage())
		return 0;
	if (after != SYN_SENT && after != LISTEN)
		return 0;
	/* A kernel thread. */
	if (!BPF_CORE_READ((struct task_struct *)current_task_address(), mm))
		return 0;
	owner = bpf_sk_storage_get(&sock_owners, (void *)sk, 0, BPF_SK_STORAGE_GET_F_CREATE);
	if (!owner) {
		__sync_fetch_and_add(&sock_owners_lost, 1);
		return 0;
	}
	owner->cgroup_id = read_current_memory_cgroup();
	owner->pid = bpf_get_current_pid_tgid() >> 32;
	bpf_get_current_comm(owner->comm, sizeof(owner->comm));
	owner->known_by = connect_or_listen;
	return 0;
}

/* Linux 6.18 keeps flags in the low bits of the pointer (include/net/sock.h, mem_cgroup_from_sk()). */
#define SK_MEMCG_FLAGS 7ULL

static __always_inline u64 charged_cgroup(const struct sock *sk)
{
	struct mem_cgroup *memcg = BPF_CORE_READ(sk, sk_memcg);

	memcg = (void *)((u64)memcg & ~SK_MEMCG_FLAGS);
	return memcg ? BPF_CORE_READ(memcg, css.cgroup, kn, id) : 0;
}

/* 0 unless the v2 hierarchy is the one in which memory is controlled: else containers need not be in it. */
static __always_inline u64 creating_cgroup(const struct sock *sk)
{
	struct task_struct *task = current_task_address();
	struct cgroup_subsys_state *memory;
	struct cgroup *cgroup;

	if (!bpf_core_field_exists(sk->sk_cgrp_data.cgroup))
		return 0;
	memory =
	    BPF_CORE_READ(task, cgroups, subsys[bpf_core_enum_value(enum cgroup_subsys_id, memory_cgrp_id)]);
	cgroup = BPF_CORE_READ(sk, sk_cgrp_data.cgroup);
	if (!memory || !cgroup || BPF_CORE_READ(memory, cgroup, root) != BPF_CORE_READ(cgroup, root))
		return 0;
	return BPF_CORE_READ(cgroup, kn, id);
}

/* Fills in what is known; the rest stays as it is. `sk` is an argument of the tracepoint, a full socket. */
static __always_inline void sock_owner_of(const struct sock *sk, struct sock_owner *found)
{
	struct sock_owner *remembered =
	    has_socket_storage() ? bpf_sk_storage_get(&sock_owners, (void *)sk, 0, 0) : NULL;
	u64 cgroup;

	if (remembered)
		*found = *remembered;
	cgroup = charged_cgroup(sk);
	if (cgroup) {
		found->cgroup_id = cgroup;
		found->known_by = socket_memory;
	} else if (!remembered) {
		cgroup = creating_cgroup(sk);
		found->cgroup_id = cgroup;
		found->known_by = cgroup ? socket_creation : unknown_owner;
	}
}

#endif
