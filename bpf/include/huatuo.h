/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/*
 * What every collector's BPF program includes: types that say what a number means, and tags that say the
 * rest.
 *
 * The build reads the types below from the object's BTF and writes decoder, TypeScript type, Elasticsearch
 * mapping and documentation from them. The struct of an event is the only place where its fields are written
 * down.
 */
#ifndef HUATUO_H
#define HUATUO_H

#include <stdbool.h>
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>
#include <bpf/bpf_core_read.h>

typedef __u8 u8;
typedef __u16 u16;
typedef __u32 u32;
typedef __u64 u64;
typedef __s8 s8;
typedef __s32 s32;
typedef __s64 s64;

/* Semantic types: the name decides format and unit in the document (src/schema/semantics.ts). */
typedef u64 ktime_ns; /* CLOCK_BOOTTIME; the document's @timestamp */
typedef u64 dur_ns;   /* a duration; field names end in _ns */
typedef u64 bytes64;  /* a size; field names end in _bytes */
typedef u64 count64;  /* how many */
typedef u32 count32;
typedef u16 count16;
typedef u16 port_nr; /* in host byte order */
typedef u32 pid_nr;  /* process or thread id in the initial pid namespace */
typedef u32 cpu_nr;
typedef u32 index32; /* a number that names something: ifindex, queue, vector */
typedef s32 signed32;
typedef u64 hex64; /* flags and other bit patterns, printed as "0x..." */
typedef u64 kaddr; /* kernel address, printed as "0x..." */
/*
 * Inode of a cgroup directory; the first one of an event picks its container. Each v1 hierarchy numbers its
 * directories by itself, so the type says whose it is. With cgroup v2 they are all the same.
 */
typedef u64 cpu_cgroup_id;
typedef u64 memory_cgroup_id;
typedef u64 io_cgroup_id; /* v1: blkio */
typedef u64 cgroup_id;	  /* of the unified hierarchy */
typedef u8 bool8;	  /* 0 or 1 */
typedef u8 comm_t[16];	  /* task name, NUL-terminated, any bytes */
typedef u8 text8_t[8];	  /* other text, likewise; text<N>_t for any N */
typedef u8 text16_t[16];
typedef u8 text32_t[32];
typedef u8 text64_t[64];
typedef u8 text128_t[128];
typedef u8 ip_addr[16];	 /* IPv6, or IPv4 as ::ffff:a.b.c.d */
typedef u32 event_tag;	 /* which struct of the ring it is; see EVENT_VARIANT() in event.h */
typedef u32 tail_length; /* bytes of the tail that are used; not printed */
typedef u8 text_tail[];	 /* the last member: text behind the struct, with TAIL(most) */
typedef u8 bytes_tail[]; /* likewise bytes, printed as hexadecimal digits */
/* Printed by name: the agent looks it up when the number is first met. */
typedef u32 block_dev; /* dev_t as the kernel has it: major << 20 | minor; as a label the disk's name: sda */
typedef u32 dev_nr;    /* the same; as a label its number: 8:0 */
typedef u32 netdev_nr; /* interface index, in the netns_id beside it, else in the host's namespace */
typedef u32 netns_id;  /* inode of a network namespace */
#define KSTACK_DEPTH 32
typedef u64 kframe_t;		    /* one address in the kernel's code, printed as a frame of a stack */
typedef u64 kstack_t[KSTACK_DEPTH]; /* kernel stack, innermost first, ends at 0; see stack.h */

#define TAG(text)  __attribute__((btf_decl_tag(text)))
#define DOC(text)  TAG("doc:" text)   /* one sentence, for humans */
#define JSON(name) TAG("json:" name)  /* key in the document when it is not the field's name */
#define TAIL(most) TAG("tail:" #most) /* most bytes of a tail, a plain number */
#define OPTIONAL   TAG("optional")    /* left out of the document when all its bytes are 0 */
#define OWNER	   TAG("owner")	      /* on a cgroup id: its container is named beside it */
/*
 * On an index32: the name that an enum of the running kernel has for it, such as "skb_drop_reason", without
 * the enum's own name in front. Several are tried in turn; one of a module is written "module:enum".
 */
#define KERNEL_ENUM(name) TAG("enum:" name)
/* A load-time option: becomes a key of the collector's configuration, with this default and this sentence. */
#define OPTION(type, name, value, text) const volatile type name DOC(text) = value

#define ABOUT(name, text) const u8 collector_##name SEC("schema") __attribute__((used)) DOC(text) = 0

/* A collector without an event struct says what it is for with this. */
#define COLLECTOR_DOC(text) ABOUT(doc, text)

/*
 * The collector's row in the table of src/collectors/README.md: what it answers, as one would ask it; the
 * oldest Linux, what it must be built with, and what is missing on others; what it may tell that is no
 * trouble or not so, and what it does not see. All three or none; a test asks each collector of ours for
 * them.
 */
#define QUESTION(text)	      ABOUT(question, text)
#define KERNEL(text)	      ABOUT(kernel, text)
#define FALSE_POSITIVES(text) ABOUT(false_positives, text)

/*
 * What a kernel may not have (src/kernel/programs.ts):
 *
 *   SEC("?tp_btf/x")   the collector runs without this program where there is no x
 *   x___a(), x___b()   variants of one program: the first that the kernel has, loads and attaches runs
 *
 * A variant that would load where its arguments mean something else says so itself: the verifier takes no
 * program that reads an argument behind the last one a tracepoint can have. The condition is one that
 * CO-RE answers.
 */
#define REFUSED_IF(condition)                                                                                \
	do {                                                                                                 \
		if (condition)                                                                               \
			*(const volatile u64 *)&ctx[12];                                                     \
	} while (0)

#endif
