/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/*
 * Power-of-two histograms: slot i counts values up to 2^(i + shift), the last one the rest. The type says the
 * unit, and with it the shift:
 *
 *   time_histogram    nanoseconds, shown in seconds: 1.024 us to 34 s
 *   size_histogram    bytes: 512 to 16 GiB
 *   count_histogram   a number of things: 1 to 33 million
 *
 * A coarse one has every second of these bounds, for maps whose memory is taken for all keys and all CPUs:
 *
 *   coarse_time_histogram   nanoseconds, shown in seconds: 16 us to 4.3 s
 */
#ifndef HUATUO_HISTOGRAM_H
#define HUATUO_HISTOGRAM_H

#include "huatuo.h"

#define HISTOGRAM_SLOTS	       27
#define COARSE_HISTOGRAM_SLOTS 11
#define COARSE_TIME_SHIFT      14

/* Shift of the first slot, and what a value is divided by to be in the metric's unit. */
#define BUCKETS(shift, divisor) TAG("buckets:" #shift ":" #divisor)
/* Likewise; each bound is four times the one before. */
#define COARSE_BUCKETS(shift, divisor) TAG("buckets:" #shift ":" #divisor ":2")

struct time_histogram {
	u64 slots[HISTOGRAM_SLOTS];
	u64 sum;
} BUCKETS(10, 1000000000);

struct size_histogram {
	u64 slots[HISTOGRAM_SLOTS];
	u64 sum;
} BUCKETS(9, 1);

struct count_histogram {
	u64 slots[HISTOGRAM_SLOTS];
	u64 sum;
} BUCKETS(0, 1);

struct coarse_time_histogram {
	u64 slots[COARSE_HISTOGRAM_SLOTS];
	u64 sum;
} COARSE_BUCKETS(14, 1000000000);

/*
 * Takes the upper half of 2^(log2_half + 1) bits down, if there is anything in it, and returns by how many
 * bits. By arithmetic: of a comparison clang makes a branch, and the verifier would follow each way through a
 * logarithm to the end of the program.
 */
static __always_inline u32 take_upper_half(u64 *v, u32 log2_half)
{
	u64 negative = -(*v >> (1 << log2_half));
	u32 shift;

	/* Else clang sees a comparison in it. */
	asm volatile("" : "+r"(negative));
	shift = (negative >> 63) << log2_half;
	*v >>= shift;
	return shift;
}

/* floor(log2(v)) for v > 0, without a loop the verifier would have to follow. */
static __always_inline u32 log2_u64(u64 v)
{
	u32 result = take_upper_half(&v, 5);

	result |= take_upper_half(&v, 4);
	result |= take_upper_half(&v, 3);
	result |= take_upper_half(&v, 2);
	result |= take_upper_half(&v, 1);
	return result | (v >> 1);
}

/* The bound of a slot belongs to it, as in Prometheus: 2^shift is the last value of slot 0. */
static __always_inline u32 histogram_slot(u64 value, u32 shift)
{
	u32 slot = value <= 1ULL << shift ? 0 : log2_u64((value - 1) >> shift) + 1;

	return slot < HISTOGRAM_SLOTS - 1 ? slot : HISTOGRAM_SLOTS - 1;
}

/*
 * Without atomic operations, for programs that run with interrupts off, such as those of the scheduler's
 * switch: no other program counts in a histogram of this CPU meanwhile.
 */
static __always_inline void histogram_add_alone(struct time_histogram *histogram, u64 value)
{
	histogram->slots[histogram_slot(value, 10)]++;
	histogram->sum += value;
}

static __always_inline void coarse_histogram_add_alone(struct coarse_time_histogram *histogram, u64 value)
{
	u64 slot =
	    value <= 1ULL << COARSE_TIME_SHIFT ? 0 : log2_u64((value - 1) >> COARSE_TIME_SHIFT) / 2 + 1;

	/* Older verifiers (Linux 6.1) know a bound only of what is derived from it behind the test. */
	asm volatile("" : "+r"(slot));
	if (slot > COARSE_HISTOGRAM_SLOTS - 1)
		slot = COARSE_HISTOGRAM_SLOTS - 1;
	histogram->slots[slot]++;
	histogram->sum += value;
}

/* Atomic, because a program on this CPU may be interrupted by another one that counts in the same slot. */
static __always_inline void histogram_count(u64 *slots, u64 *sum, u64 value, u32 shift)
{
	__sync_fetch_and_add(&slots[histogram_slot(value, shift)], 1);
	__sync_fetch_and_add(sum, value);
}

/* Counts one value in a histogram of this CPU. */
#define histogram_observe(histogram, value)                                                                  \
	histogram_count((histogram)->slots, &(histogram)->sum, value,                                        \
			_Generic((histogram), struct time_histogram * : 10, struct size_histogram * : 9,     \
				 struct count_histogram * : 0))

#endif
