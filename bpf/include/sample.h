/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/*
 * Sampling: a program SEC("perf_event") runs so many times a second on every online CPU, whatever runs there.
 * The agent follows CPUs that come and go (src/kernel/sampling.ts).
 */
#ifndef HUATUO_SAMPLE_H
#define HUATUO_SAMPLE_H

#include "huatuo.h"

/* The collector's option for how often; without it, 49 times. At most kernel.perf_event_max_sample_rate. */
#define SAMPLES_PER_SECOND(number) OPTION(u64, samples_per_second, number, "How often each CPU is looked at")

#endif
