/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/*
 * Metrics that are declared where they are counted. The tags below make a map, a member of a map's value or a
 * global variable a metric of the page; no TypeScript is needed.
 *
 *   struct disk_key { block_dev device; enum request_op operation; };
 *   HISTOGRAM_MAP(d2c, struct disk_key, 1024, "huatuo_disk_service_seconds", "From issue to completion.");
 *   ...
 *   histogram_record(&d2c, &key, duration_ns);
 *
 * The fields of the key are the labels, by name and type: enums by name, a block_dev by the disk's name. A
 * cgroup id stands for the labels of its container: a container's cgroups add up to one series, and what
 * belongs to no container is left out, so count the host in a map of its own. Series of disks that are gone
 * are dropped; counts of a container stay until a scrape has shown them after its end, and for
 * containers.keep_gone. Where cgroups come and go, cgroup_counters.h keeps the map of those that live.
 */
#ifndef HUATUO_METRIC_H
#define HUATUO_METRIC_H

#include "histogram.h"
#include "map_value.h"
#include "slot.h"

#define METRIC(type, name, help) TAG("metric:" type ":" name) TAG("help:" help)
/*
 * A number that only rises, one that also falls, and a distribution. Each behind what it describes. A dur_ns
 * is shown in seconds, and its name ends so.
 */
#define COUNTER(name, help)   METRIC("counter", name, help)
#define GAUGE(name, help)     METRIC("gauge", name, help)
#define HISTOGRAM(name, help) METRIC("histogram", name, help)
/* Behind one of those: the label that tells the elements of an array apart, or the CPUs of a map. */
#define EACH(label)    TAG("each:" label)
#define PER_CPU(label) TAG("per_cpu:" label)
/* The same metric in many collectors, told apart by the label `collector`. */
#define BY_COLLECTOR TAG("by:collector")
/* A dur_ns that an existing dashboard shows in milliseconds. */
#define IN_MILLISECONDS TAG("shown:milliseconds")

/* Updates that found their map full. */
u64 series_overflows COUNTER("huatuo_bpf_series_overflows_total",
			     "Updates of metrics that were lost because their BPF map was full.")
    BY_COLLECTOR;

/*
 * A per-CPU value of any type for each key. `flags`: 0 takes the memory for all entries when the program is
 * loaded, for programs that run where the scheduler's locks are held; BPF_F_NO_PREALLOC takes it entry by
 * entry, for large values.
 */
#define METRIC_MAP(map, key_type, value_type, entries, flags)                                                \
	struct {                                                                                             \
		__uint(type, BPF_MAP_TYPE_PERCPU_HASH);                                                      \
		__uint(max_entries, entries);                                                                \
		__uint(map_flags, flags);                                                                    \
		__type(key, key_type);                                                                       \
		__type(value, value_type);                                                                   \
	} map SEC(".maps")

#define COUNTER_MAP(map, key_type, entries, name, help)                                                      \
	METRIC_MAP(map, key_type, u64, entries, 0) COUNTER(name, help)
#define HISTOGRAM_MAP(map, key_type, entries, name, help)                                                    \
	METRIC_MAP(map, key_type, struct time_histogram, entries, BPF_F_NO_PREALLOC) HISTOGRAM(name, help)
#define SIZE_HISTOGRAM_MAP(map, key_type, entries, name, help)                                               \
	METRIC_MAP(map, key_type, struct size_histogram, entries, BPF_F_NO_PREALLOC) HISTOGRAM(name, help)
#define COUNT_HISTOGRAM_MAP(map, key_type, entries, name, help)                                              \
	METRIC_MAP(map, key_type, struct count_histogram, entries, BPF_F_NO_PREALLOC) HISTOGRAM(name, help)

/* A gauge is one number, not one for each CPU: it is set, and a sum of what CPUs have set means nothing. */
#define GAUGE_MAP(map, key_type, entries, name, help)                                                        \
	struct {                                                                                             \
		__uint(type, BPF_MAP_TYPE_HASH);                                                             \
		__uint(max_entries, entries);                                                                \
		__type(key, key_type);                                                                       \
		__type(value, s64);                                                                          \
	} map SEC(".maps") GAUGE(name, help)

/* One slot for each enumerator of `enum enum_name`, whose names are the values of the label. */
#define METRIC_ARRAY(map, label, enum_name, value_type, entries)                                             \
	struct {                                                                                             \
		__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);                                                     \
		__uint(max_entries, entries);                                                                \
		__type(key, u32);                                                                            \
		__type(value, value_type);                                                                   \
	} map SEC(".maps") TAG("index:" label "=" #enum_name)

/* What an entry begins with; larger than any value fits on a program's stack. */
static const u8 metric_zero[1024];

static __always_inline void *metric_slot_in(void *map, const void *key)
{
	void *slot = find_or_add(map, key, metric_zero);

	if (!slot)
		__sync_fetch_and_add(&series_overflows, 1);
	return slot;
}

/* This CPU's value of a key, made when it is new. NULL: the map is full, and the loss is counted. */
#define metric_slot(map, key_pointer)                                                                        \
	({                                                                                                   \
		_Static_assert(sizeof(*(map)->value) <= sizeof(metric_zero),                                 \
			       "a value of at most 1024 bytes");                                             \
		const typeof(*(map)->key) *slot_key = (key_pointer);                                         \
		(typeof((map)->value))metric_slot_in(map, slot_key);                                         \
	})

/* This CPU's value of a METRIC_ARRAY; NULL beyond its end. */
#define metric_at(map, position)                                                                             \
	({                                                                                                   \
		u32 slot_index = (position);                                                                 \
		(typeof((map)->value))bpf_map_lookup_elem(map, &slot_index);                                 \
	})

/* Variables of these macros are named so that no map is hidden by them. */
#define counter_add(map, key_pointer, amount)                                                                \
	({                                                                                                   \
		u64 *metric_counted = metric_slot(map, key_pointer);                                         \
		if (metric_counted)                                                                          \
			__sync_fetch_and_add(metric_counted, amount);                                        \
	})

#define gauge_set(map, key_pointer, number)                                                                  \
	({                                                                                                   \
		const typeof(*(map)->key) *gauge_key = (key_pointer);                                        \
		s64 gauge_value = (number);                                                                  \
		if (bpf_map_update_elem(map, gauge_key, &gauge_value, BPF_ANY) != 0)                         \
			__sync_fetch_and_add(&series_overflows, 1);                                          \
	})

#define histogram_record(map, key_pointer, observed)                                                         \
	({                                                                                                   \
		typeof((map)->value) metric_recorded = metric_slot(map, key_pointer);                        \
		if (metric_recorded)                                                                         \
			histogram_observe(metric_recorded, observed);                                        \
	})

#endif
