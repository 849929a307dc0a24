/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/* High-resolution timers and handlers of interrupts: include/linux/hrtimer_types.h, include/linux/interrupt.h
 */
#ifndef HUATUO_KERNEL_INTERRUPT_H
#define HUATUO_KERNEL_INTERRUPT_H

#include "huatuo.h"

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct timerqueue_node {
	s64 expires; /* nanoseconds of the timer's clock */
};

struct hrtimer {
	struct timerqueue_node node;
	void *function;
	u8 is_soft; /* it runs as a softirq, with interrupts on */
};

struct irqaction {
	void *handler;
	const char *name;
};

#pragma clang attribute pop

#endif
