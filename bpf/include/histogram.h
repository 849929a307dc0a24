/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/* Power-of-two latency histograms: slot i counts durations below 2^(i + 10) ns, from 1 us to 67 s, the last
 * the rest. */
#ifndef HUATUO_HISTOGRAM_H
#define HUATUO_HISTOGRAM_H

#include "huatuo.h"

#define HISTOGRAM_SLOTS	      27
#define HISTOGRAM_FIRST_SHIFT 10

/* floor(log2(v)) for v > 0, without a loop the verifier would have to follow. */
static __always_inline u32 log2_u64(u64 v)
{
	u32 shift, result;

	result = (v > 0xffffffffULL) << 5;
	v >>= result;
	shift = (v > 0xffff) << 4;
	v >>= shift;
	result |= shift;
	shift = (v > 0xff) << 3;
	v >>= shift;
	result |= shift;
	shift = (v > 0xf) << 2;
	v >>= shift;
	result |= shift;
	shift = (v > 0x3) << 1;
	v >>= shift;
	result |= shift;
	return result | (v >> 1);
}

static __always_inline u32 histogram_slot(u64 duration_ns)
{
	u32 slot = log2_u64(duration_ns | 1);

	if (slot < HISTOGRAM_FIRST_SHIFT)
		return 0;
	slot -= HISTOGRAM_FIRST_SHIFT - 1;
	return slot < HISTOGRAM_SLOTS - 1 ? slot : HISTOGRAM_SLOTS - 1;
}

#endif
