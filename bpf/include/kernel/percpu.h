/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/*
 * Counters that the kernel keeps for each CPU: include/linux/percpu_counter.h. Linux >= 5.19.
 *
 * `count` alone is short of what CPUs have not handed over yet: up to percpu_counter_batch each, which is 32
 * or twice the number of CPUs. So all are added, as percpu_counter_sum() does, but without its lock.
 *
 * A CPU's part lies at the address in `counters` plus the offset of that CPU. The kernel has these in
 * __per_cpu_offset, which programs can read only with CONFIG_KALLSYMS_ALL. But the elements of a map are laid
 * out in the same way: what its element for a CPU has for an address, less the address all of them are
 * offset from, is the same number.
 */
#ifndef HUATUO_KERNEL_PERCPU_H
#define HUATUO_KERNEL_PERCPU_H

#include "kernel/mm.h"
#include "slot.h"

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct bpf_array {
	void *pptrs[1];
};

#pragma clang attribute pop

PERCPU_SLOT(percpu_offsets, u64);

#define MAX_CPUS_SUMMED 8192

struct percpu_sum {
	u64 counters;
	u64 base;
	s64 sum;
};

/* The address as a number: the verifier forbids arithmetics with the pointer. */
static __always_inline u64 number_of(void *pointer)
{
	u64 number = 0;

	bpf_probe_read_kernel(&number, sizeof(number), &pointer);
	return number;
}

static long add_part_of_cpu(u32 cpu, struct percpu_sum *sum)
{
	u32 zero = 0;
	void *element = bpf_map_lookup_percpu_elem(&percpu_offsets, &zero, cpu);
	s32 part = 0;

	if (!element)
		return 1;
	bpf_probe_read_kernel(&part, sizeof(part), (void *)(sum->counters + number_of(element) - sum->base));
	sum->sum += part;
	return 0;
}

static __always_inline s64 percpu_counter_sum(struct percpu_counter *counter)
{
	struct percpu_sum sum = {
	    .counters = (u64)BPF_CORE_READ(counter, counters),
	    .sum = BPF_CORE_READ(counter, count),
	};
	u64 map = number_of(&percpu_offsets);

	bpf_probe_read_kernel(&sum.base, sizeof(sum.base),
			      (void *)map + bpf_core_field_offset(struct bpf_array, pptrs));
	bpf_loop(MAX_CPUS_SUMMED, add_part_of_cpu, &sum, 0);
	return sum.sum;
}

#endif
