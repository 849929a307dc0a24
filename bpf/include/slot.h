/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/*
 * Maps of one value: one for each CPU, which no other CPU touches and which outgrows the 512 bytes of a
 * program's stack, or one for all, which user space writes.
 *
 *   PERCPU_SLOT(watches, struct cpu_watch);
 *   ...
 *   struct cpu_watch *watch = slot_of(&watches);
 */
#ifndef HUATUO_SLOT_H
#define HUATUO_SLOT_H

#include "huatuo.h"

#define SLOT_OF_TYPE(map, map_type, value_type)                                                              \
	struct {                                                                                             \
		__uint(type, map_type);                                                                      \
		__uint(max_entries, 1);                                                                      \
		__type(key, u32);                                                                            \
		__type(value, value_type);                                                                   \
	} map SEC(".maps")

#define PERCPU_SLOT(map, value_type) SLOT_OF_TYPE(map, BPF_MAP_TYPE_PERCPU_ARRAY, value_type)
#define SLOT(map, value_type)	     SLOT_OF_TYPE(map, BPF_MAP_TYPE_ARRAY, value_type)

/* The value, of this CPU where each has its own. Only the verifier wants it compared with NULL. */
#define slot_of(map) ((typeof((map)->value))bpf_map_lookup_elem(map, &(u32){0}))

#endif
