/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/*
 * A budget of events for each CPU and second. What it suppresses is counted in the ledger as rate_limited, so
 * that nothing is silent. The window is per CPU: no shared cache line, and a storm on one CPU cannot hide
 * another's event. Where it comes from the option max_events_per_second_per_cpu, the agent knows the most that the ring
 * must hold, and needs no thread for a collector that has told nothing yet (src/agent/first-record.ts).
 */
#ifndef HUATUO_RATELIMIT_H
#define HUATUO_RATELIMIT_H

#include "event.h"

#define NSEC_PER_SEC 1000000000ULL

struct rate_window {
	u64 started_ns;
	u64 events;
};
PERCPU_SLOT(rate_windows, struct rate_window);

/* False: the event is over the budget and already accounted for. `per_second` 0 means no limit. */
static __always_inline bool rate_allows(u64 now_ns, u64 per_second)
{
	struct rate_window *window = slot_of(&rate_windows);

	if (!window || per_second == 0)
		return true;
	if (now_ns - window->started_ns >= NSEC_PER_SEC) {
		window->started_ns = now_ns;
		window->events = 0;
	}
	/* One that interrupts here may let one more through. An atomic with a result needs Linux 5.12. */
	if (window->events >= per_second) {
		event_rate_limited();
		return false;
	}
	__sync_fetch_and_add(&window->events, 1);
	return true;
}

#endif
