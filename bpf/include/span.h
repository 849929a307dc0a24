/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/*
 * The time between two events: a start is kept until its end comes.
 *
 *   SPAN_MAP(issued, u64, 16384);                      by any key, at most so many at once
 *   span_start(&issued, &request);  ...  duration_ns = span_end(&issued, &request);
 */
#ifndef HUATUO_SPAN_H
#define HUATUO_SPAN_H

#include "metric.h"

/* Starts that found no room: their ends are not measured. */
u64 span_overflows COUNTER("huatuo_bpf_span_overflows_total",
			   "Starts that could not be kept, so that the time to their end is unknown.")
    BY_COLLECTOR;

#define SPAN_MAP(map, key_type, entries)                                                                     \
	struct {                                                                                             \
		__uint(type, BPF_MAP_TYPE_HASH);                                                             \
		__uint(max_entries, entries);                                                                \
		__type(key, key_type);                                                                       \
		__type(value, u64);                                                                          \
	} map SEC(".maps")

static __always_inline bool span_start_in(void *map, const void *key, u64 now)
{
	if (bpf_map_update_elem(map, key, &now, BPF_ANY) == 0)
		return true;
	__sync_fetch_and_add(&span_overflows, 1);
	return false;
}

static __always_inline u64 span_end_in(void *map, const void *key, u64 now)
{
	u64 *started = bpf_map_lookup_elem(map, key);
	u64 passed;

	if (!started)
		return 0;
	passed = now - *started;
	bpf_map_delete_elem(map, key);
	return passed ? passed : 1;
}

/* Starts, or starts again. False: there was no room, and the loss is counted. */
#define span_start(map, key_pointer)                                                                         \
	({                                                                                                   \
		const typeof(*(map)->key) *span_key = (key_pointer);                                         \
		span_start_in(map, span_key, bpf_ktime_get_ns());                                            \
	})

/* Nanoseconds since the start, at least 1, and forgets it; 0 when there was none. */
#define span_end(map, key_pointer)                                                                           \
	({                                                                                                   \
		const typeof(*(map)->key) *span_key = (key_pointer);                                         \
		span_end_in(map, span_key, bpf_ktime_get_ns());                                              \
	})

/* Forgets a start whose end will not come. */
#define span_drop(map, key_pointer) bpf_map_delete_elem(map, key_pointer)

#endif
