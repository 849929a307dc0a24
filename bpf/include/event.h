/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/*
 * The ring `events` and the ledger that counts every event once.
 *
 *   rate_allows() ──no──► produced + 1, rate_limited + 1
 *        │
 *   event_reserve() ────► produced + 1 ──not sampled──► rate_limited + 1, NULL
 *        │                            └──ring full────► dropped_ring_full + 1, NULL
 *        │
 *   fill the record ──► event_submit()
 *
 * The reader sleeps without a timer while the ring is empty, and is woken
 *
 *   by the record that finds the ring empty: the reader then lets others join it for ring.wakeup_age
 *   by a call: a record that crosses a multiple of the watermark, or an urgent one: it then reads at once
 *
 * Whether a record finds the ring empty is for the kernel to say (flags 0; kernel/bpf/ringbuf.c,
 * bpf_ringbuf_commit): it compares the consumer position with the record's own, behind a full barrier. Our
 * own look at the positions would not do: of two records that two CPUs reserve at once, each sees the other's
 * bytes before its own, and neither would wake. That wakes the reader whenever it must be woken:
 *
 *   - The reader sleeps without a timer only when it has loaded a producer position equal to the consumer
 *     position that it has stored before (src/collector/ring-reader.ts). Both sides store before they load:
 *     a record that this load has missed finds the stored position at its own start, and wakes.
 *   - A batch that is in flight, or was refused, is not committed: the positions differ, and the reader looks
 *     again by itself.
 *   - A record behind one whose program is still at work does not wake, but that one will when it is
 *     finished, as event or not: a record that is discarded wakes too.
 *   - What is sampled out, rate limited or does not fit is never in the ring.
 *   - A reader that takes over a ring, its predecessor's or a pinned one, reads before it sleeps.
 */
#ifndef HUATUO_EVENT_H
#define HUATUO_EVENT_H

#include "slot.h"

/*
 * Ties the ring `events` to its struct. Without an anchor clang leaves a type that is only reserved out of
 * BTF; libbpf skips the section, so no second map is made. `attributes`: DOC(...) SEVERITY(...) SCHEMA(...)
 * TRACER(...).
 */
#define SEVERITY(level) TAG("severity:" #level) /* info, warning or critical */
#define SCHEMA(version) TAG("schema:" #version) /* raised when a field changes its meaning or goes */
#define TRACER(name)	TAG("tracer:" #name)	/* document name, when it is not the collector's */
#define EVENT_RING(struct_name, ring_bytes)                                                                  \
	struct {                                                                                             \
		__uint(type, BPF_MAP_TYPE_RINGBUF);                                                          \
		__uint(max_entries, ring_bytes);                                                             \
	} events SEC(".maps");                                                                               \
	struct struct_name *const event_anchor SEC("schema") __attribute__((used)) = 0

/*
 * One more struct in the same ring, for another kind of event. All of them begin with the same `event_tag
 * tag`, `ktime_ns` and cgroup id; a program sets `tag` to the number given here, and leaves it 0 for the
 * struct of EVENT_RING. The document has the struct's name under the tag's.
 */
#define EVENT_VARIANT(struct_name, number)                                                                   \
	struct struct_name *const event_variant_##struct_name SEC("schema") __attribute__((used))            \
	TAG("variant:" #number) = 0

/*
 * The kernel's half of the ledger, one slot for each CPU. Atomic adds because a program on this CPU may be
 * interrupted by another one of the same collector.
 */
struct ledger_counts {
	u64 produced;
	u64 dropped_ring_full;
	u64 rate_limited;
};
PERCPU_SLOT(ledger, struct ledger_counts);

/*
 * The reader's half, kept beside the ring so that both survive the reader. A commit fills the slot that is
 * not in force and then publishes the consumer position; the slot whose position equals it is the one that
 * counts, so a reader that dies in between leaves a ledger that is still right (src/decoder/ledger.ts).
 * The reader has it mapped beside the ring: a commit is a few stores.
 */
struct ledger_commit {
	u64 position;
	u64 journalled;
	u64 malformed;
};
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 2);
	__type(key, u32);
	__type(value, struct ledger_commit);
} ledger_commits SEC(".maps");

/* Bytes that must wait in the ring before the reader is called; a power of two. 0: it is always called. */
const volatile u32 wakeup_bytes = 64 * 1024;

/*
 * How often the reader was called. The supervisor, which hears of every wake-up, tells calls from others by
 * it (src/agent/wake-reader.ts).
 */
volatile u64 reader_calls SEC(".data.calls") = 0;

/*
 * Set by the agent while the collector is over its CPU budget: only one of so many events is kept. In a
 * section of its own, so that the agent can write it without touching anyone else's variable.
 */
volatile u32 sample_every SEC(".data.sampling") = 1;

/*
 * By chance, not by counting: events often come in a fixed pattern (raise, entry, exit), and every n-th one
 * would then be the same part of it each time. The draw is only paid for while sampling.
 */
static __always_inline bool sampled_out(void)
{
	u32 every = sample_every;

	return every > 1 && bpf_get_prandom_u32() % every != 0;
}

/* Counts an attempt and reserves room for it. NULL: the loss is already counted, just return. */
static __always_inline void *event_reserve_in(void *ring, u64 bytes)
{
	struct ledger_counts *counts = slot_of(&ledger);
	void *record;

	if (!counts)
		return 0;
	__sync_fetch_and_add(&counts->produced, 1);
	if (sampled_out()) {
		__sync_fetch_and_add(&counts->rate_limited, 1);
		return 0;
	}
	record = bpf_ringbuf_reserve(ring, bytes, 0);
	if (!record)
		__sync_fetch_and_add(&counts->dropped_ring_full, 1);
	return record;
}
#define event_reserve(type) ((type *)event_reserve_in(&events, sizeof(type)))

/* An event that passed the threshold but not the rate limit: it was produced, and it is accounted for. */
static __always_inline void event_rate_limited(void)
{
	struct ledger_counts *counts = slot_of(&ledger);

	if (!counts)
		return;
	__sync_fetch_and_add(&counts->produced, 1);
	__sync_fetch_and_add(&counts->rate_limited, 1);
}

/* Rare events that must not wait (an OOM kill): the reader is called. */
static __always_inline void event_submit_urgent(void *record)
{
	__sync_fetch_and_add(&reader_calls, 1);
	bpf_ringbuf_submit(record, BPF_RB_FORCE_WAKEUP);
}

/*
 * Waking costs more than the record, so the reader is called only when this record crosses a multiple of the
 * watermark. A crossing that is missed (another CPU moved the producer position between our two reads) costs
 * latency, never data: the reader is awake, because the ring is not empty.
 */
static __always_inline void event_submit_in(void *ring, void *record, u64 bytes)
{
	u64 waiting = bpf_ringbuf_query(ring, BPF_RB_AVAIL_DATA);
	u64 before = waiting - ((bytes + 8 + 7) & ~7ULL);

	if (wakeup_bytes == 0 || ((waiting ^ before) & ~((u64)wakeup_bytes - 1)))
		event_submit_urgent(record);
	else
		bpf_ringbuf_submit(record, 0);
}
#define event_submit(record) event_submit_in(&events, record, sizeof(*(record)))

/* Reserves a record, clears it and stamps it with the time. NULL: the loss is already counted, just return.
 */
#define event_begin(type)                                                                                    \
	({                                                                                                   \
		type *begun = event_reserve(type);                                                           \
		if (begun) {                                                                                 \
			event_clear(begun);                                                                  \
			begun->time = bpf_ktime_get_boot_ns();                                               \
		}                                                                                            \
		begun;                                                                                       \
	})

/*
 * As event_begin, with room for `most` bytes of a tail; `tail` counts those that are used:
 *
 *	event = event_begin_tail(struct packet_event, 256);
 *	event->data_len = 60;
 */
#define event_begin_tail(type, most)                                                                         \
	({                                                                                                   \
		type *begun = event_reserve_in(&events, sizeof(type) + (most));                              \
		if (begun) {                                                                                 \
			event_clear_bytes(begun, sizeof(type) + (most));                                     \
			begun->time = bpf_ktime_get_boot_ns();                                               \
		}                                                                                            \
		begun;                                                                                       \
	})

/*
 * A record that turned out not to be an event: as if it had never been reserved. It wakes the reader as an
 * event does, because records behind it may wait for that: decide before reserving where you can.
 */
static __always_inline void event_discard(void *record)
{
	struct ledger_counts *counts = slot_of(&ledger);

	if (counts)
		__sync_fetch_and_sub(&counts->produced, 1);
	bpf_ringbuf_discard(record, 0);
}

/*
 * Every byte of a record is written before it is shown: a record holds old kernel memory until then. The
 * compiler writes out short ones store by store and refuses long ones, which have stacks in them. A record
 * has a time, so it is whole words.
 */
static __always_inline void event_clear_bytes(void *record, u64 bytes)
{
	volatile u64 *words = record;

	if (bytes <= 512) {
		__builtin_memset(record, 0, bytes);
		return;
	}
	for (u64 i = 0; i < bytes / 8; i++)
		words[i] = 0;
}
#define event_clear(record) event_clear_bytes(record, sizeof(*(record)))

#endif
