/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
#ifndef HUATUO_MAP_VALUE_H
#define HUATUO_MAP_VALUE_H

#include "huatuo.h"

/*
 * The value at a key of a hash map, which is made of `fresh` where there is none. NULL when the map is full.
 * Several CPUs may come at once: whoever is second gets the value of the first.
 */
static __always_inline void *find_or_add(void *map, const void *key, const void *fresh)
{
	void *value = bpf_map_lookup_elem(map, key);

	if (value)
		return value;
	bpf_map_update_elem(map, key, fresh, BPF_NOEXIST);
	return bpf_map_lookup_elem(map, key);
}

#endif
