/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/*
 * What every collector's BPF program includes: types that say what a number means, tags that say the rest, and
 * the ledger that counts every event once.
 *
 *   event_reserve() ──► produced + 1 ──ring full──► dropped_ring_full + 1, NULL
 *        │                                └─over the rate─► rate_limited + 1, NULL
 *        ▼
 *   fill the record ──► event_submit()     the reader is woken by watermark or age, not per record
 *
 * The build reads the types below from the object's BTF and writes decoder, TypeScript type, Elasticsearch mapping
 * and documentation from them. The struct of an event is the only place where its fields are written down.
 */
#ifndef HUATUO_H
#define HUATUO_H

#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>
#include <bpf/bpf_core_read.h>

typedef __u8 u8;
typedef __u16 u16;
typedef __u32 u32;
typedef __u64 u64;
typedef __s32 s32;
typedef __s64 s64;

/* Semantic types: the name decides format and unit in the document (src/build/semantics.ts). */
typedef u64 ktime_ns;   /* CLOCK_BOOTTIME; the document's @timestamp */
typedef u64 dur_ns;     /* a duration; field names end in _ns */
typedef u64 bytes64;    /* a size; field names end in _bytes */
typedef u64 count64;    /* how many */
typedef u32 count32;
typedef u32 pid_nr;     /* process or thread id in the initial pid namespace */
typedef u32 cpu_nr;
typedef u32 index32;    /* a number that names something: ifindex, queue, vector */
typedef s32 signed32;
typedef u64 hex64;      /* flags and other bit patterns, printed as "0x..." */
typedef u64 kaddr;      /* kernel address, printed as "0x..." */
typedef u64 cgroup_id;  /* inode of the cgroup directory; picks the container */
typedef u8 bool8;       /* 0 or 1 */
typedef u8 comm_t[16];  /* task name, NUL-terminated, any bytes */
typedef u8 ip_addr[16]; /* IPv6, or IPv4 as ::ffff:a.b.c.d */
#define KSTACK_DEPTH 32
typedef u64 kstack_t[KSTACK_DEPTH]; /* kernel stack, innermost first, ends at 0 */

#define TAG(text) __attribute__((btf_decl_tag(text)))
#define DOC(text) TAG("doc:" text)   /* one sentence, for humans */
#define JSON(name) TAG("json:" name) /* key in the document when it is not the field's name */
/* A load-time option: becomes a key of the collector's configuration, with this default and this sentence. */
#define OPTION(type, name, value, text) const volatile type name DOC(text) = value

/*
 * Ties the ring `events` to its struct. Without an anchor clang leaves a type that is only reserved out of BTF;
 * libbpf skips the section, so no second map is made. `attributes`: DOC(...) SEVERITY(...) SCHEMA(...) TRACER(...).
 */
#define SEVERITY(level) TAG("severity:" #level) /* info, warning or critical */
#define SCHEMA(version) TAG("schema:" #version) /* raised when a field changes its meaning or goes */
#define TRACER(name) TAG("tracer:" #name)       /* document name, when it is not the collector's */
#define EVENT_RING(struct_name, ring_bytes)                                                                  \
	struct {                                                                                             \
		__uint(type, BPF_MAP_TYPE_RINGBUF);                                                          \
		__uint(max_entries, ring_bytes);                                                             \
	} events SEC(".maps");                                                                               \
	struct struct_name *const event_anchor SEC("schema") __attribute__((used)) = 0

/* A collector without an event struct says what it is for with this. */
#define COLLECTOR_DOC(text) const u8 collector_doc SEC("schema") __attribute__((used)) DOC(text) = 0

/*
 * The kernel's half of the ledger, one slot for each CPU. Atomic adds because a program on this CPU may be
 * interrupted by another one of the same collector.
 */
struct ledger_counts {
	u64 produced;
	u64 dropped_ring_full;
	u64 rate_limited;
};
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct ledger_counts);
} ledger SEC(".maps");

/* Reader's half of the ledger; the reader keeps it in step with the consumer position (src/kernel/ledger.ts). */
struct ledger_reader_slot {
	u64 position;
	u64 journalled;
	u64 malformed;
	u64 reserved;
};
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 2);
	__uint(map_flags, BPF_F_MMAPABLE);
	__type(key, u32);
	__type(value, struct ledger_reader_slot);
} ledger_reader SEC(".maps");

/* Bytes that must wait in the ring before the reader is woken; a power of two. 0 wakes for every event. */
const volatile u32 wakeup_bytes = 64 * 1024;

static __always_inline struct ledger_counts *ledger_slot(void)
{
	u32 zero = 0;

	return bpf_map_lookup_elem(&ledger, &zero);
}

/* Counts an attempt and reserves room for it. NULL: the loss is already counted, just return. */
static __always_inline void *event_reserve_in(void *ring, u64 bytes)
{
	struct ledger_counts *counts = ledger_slot();
	void *record;

	if (!counts)
		return 0;
	__sync_fetch_and_add(&counts->produced, 1);
	record = bpf_ringbuf_reserve(ring, bytes, 0);
	if (!record)
		__sync_fetch_and_add(&counts->dropped_ring_full, 1);
	return record;
}
#define event_reserve(type) ((type *)event_reserve_in(&events, sizeof(type)))

/* An event that passed the threshold but not the rate limit: it was produced, and it is accounted for. */
static __always_inline void event_rate_limited(void)
{
	struct ledger_counts *counts = ledger_slot();

	if (!counts)
		return;
	__sync_fetch_and_add(&counts->produced, 1);
	__sync_fetch_and_add(&counts->rate_limited, 1);
}

/*
 * Waking costs more than the record, so the reader is woken when this record crosses a multiple of the watermark;
 * a timer in the reader bounds the age of the rest. A crossing that is missed (another CPU moved the producer
 * position between our two reads) costs latency, never data.
 */
static __always_inline void event_submit_in(void *ring, void *record, u64 bytes)
{
	u64 waiting, before;

	if (wakeup_bytes == 0) {
		bpf_ringbuf_submit(record, BPF_RB_FORCE_WAKEUP);
		return;
	}
	waiting = bpf_ringbuf_query(ring, BPF_RB_AVAIL_DATA);
	before = waiting - ((bytes + 8 + 7) & ~7ULL);
	bpf_ringbuf_submit(record, ((waiting ^ before) & ~((u64)wakeup_bytes - 1)) ? BPF_RB_FORCE_WAKEUP : BPF_RB_NO_WAKEUP);
}
#define event_submit(record) event_submit_in(&events, record, sizeof(*(record)))

/* Rare events that someone waits for (an OOM kill): the reader is woken at once. */
#define event_submit_urgent(record) bpf_ringbuf_submit(record, BPF_RB_FORCE_WAKEUP)

/* Every byte of a record is written before it is shown: a record holds old kernel memory until then. */
#define event_clear(record) __builtin_memset(record, 0, sizeof(*(record)))

#endif
