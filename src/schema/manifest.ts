/**
 * What the build knows about one BPF object, written to `dist/bpf/<collector>.json`.
 *
 * The C source is the only schema: everything below is read from the object's BTF (`src/schema/btf.ts`). The agent reads
 * the manifest to list collectors without loading anything, to build their config schema, and to refuse an
 * object whose BTF no longer matches the decoder it was built with.
 */
import type { About } from '../sdk/about.ts';
import type { MetricType } from '../sdk/metrics.ts';

/** How a field is stored and printed; decided by the semantic typedef (see `bpf/include/huatuo.h`). */
export type FieldFormat =
  | 'ktime_ns' // u64 boot clock -> @timestamp
  | 'dur_ns' // u64 nanoseconds -> integer
  | 'bytes' // u64 -> integer
  | 'count' // u8..u64 -> integer
  | 'signed' // s8..s64 -> integer
  | 'id' // pid, tid, cpu, index: integer without unit
  | 'hex' // u64 -> "0x..." (kernel address, flags)
  | 'cgroup_id' // u64 -> integer; first one at top level selects the container
  | 'comm' // u8[16], NUL-terminated text
  | 'text' // u8[N], NUL-terminated text
  | 'ip_addr' // u8[16], IPv4 as ::ffff:a.b.c.d -> "a.b.c.d" or RFC 5952 text
  | 'bool' // u8 0/1 -> false/true
  | 'enum' // enumerator name, or the number when unknown
  | 'kstack' // u64[N] kernel instruction pointers, 0-terminated -> array of "symbol+0xoff"
  | 'kframe' // u64 kernel instruction pointer -> "symbol+0xoff"
  | 'ustack' // struct bpf_stack_build_id[N], ended by status 0 -> array of "symbol+0xoff"
  | 'kernel_enum' // u8..u64 -> name in an enum of the running kernel, or the number
  | 'block_dev' // u32 dev_t as the kernel has it -> name of the disk or partition
  | 'netdev' // u32 interface index -> its name in the record's network namespace
  | 'netns' // u32 inode -> name of the network namespace
  | 'tag' // u32 at the head of each struct of a ring with several -> the struct's name
  | 'tail_length' // u32: bytes of the tail; not printed
  | 'text_tail' // text behind the struct, as long as tail_length says
  | 'bytes_tail' // bytes behind the struct -> hexadecimal digits
  | 'packet' // struct packet_head: first bytes of a packet -> its headers as an object
  | 'struct' // nested struct -> object
  | 'pad'; // explicit padding: not printed

export interface FieldLayout {
  readonly name: string;
  /** JSON key; the `json:` tag, else the name. */
  readonly json: string;
  readonly format: FieldFormat;
  readonly offset: number;
  readonly bytes: number;
  /** Element count for stacks and arrays of numbers, most bytes of a tail; absent for scalars. */
  readonly length?: number;
  /** From the `doc:` tag. */
  readonly doc: string;
  /** From the `optional` tag: not printed when all its bytes are 0. */
  readonly optional?: true;
  /** cgroup_id only: the controller whose hierarchy the id is from, by its type (cpu_cgroup_id); v1 inodes repeat across them. */
  readonly controller?: string;
  /** id of a disk only: as a label it is its number, `8:0`. */
  readonly numbered?: true;
  /** cgroup_id only (`owner` tag): container_id and container_hostname are printed behind it. */
  readonly owner?: true;
  /** kernel_enum only (`enum:` tag): name of the enum in the kernel's BTF. */
  readonly kernelEnum?: string;
  /** enum only: value -> name. */
  readonly enumerators?: Readonly<Record<string, string>>;
  /** struct; of a packet what its headers become. */
  readonly fields?: readonly FieldLayout[];
}

/** One more struct of a ring. */
export interface EventVariant {
  /** Value of its `tag` field; that of the event itself is 0. */
  readonly tag: number;
  readonly struct: string;
  readonly bytes: number;
  readonly doc: string;
  readonly fields: readonly FieldLayout[];
}

export interface EventLayout {
  readonly struct: string;
  readonly bytes: number;
  /** Upstream document name when it differs from the collector's (`tracer:` tag). */
  readonly tracer: string;
  readonly severity: 'info' | 'warning' | 'critical';
  readonly schemaVersion: number;
  readonly doc: string;
  readonly fields: readonly FieldLayout[];
  /** Other structs of the same ring, by their tags; absent for most. */
  readonly variants?: readonly EventVariant[];
  /** SHA-256 (hex) over the canonical layout: names, offsets, sizes, formats. */
  readonly hash: string;
}

/** A `const volatile` variable in `.rodata`: a load-time option, and so a key of the collector's config. */
export interface OptionLayout {
  /** C name, with its unit: `threshold_ns`. */
  readonly name: string;
  /** Config key: the name without the unit that the config value spells out itself: `threshold`. */
  readonly key: string;
  readonly format: 'dur_ns' | 'bytes' | 'count' | 'bool';
  readonly offset: number;
  readonly bytes: number;
  readonly defaultValue: number;
  readonly doc: string;
}

/** Layout of a map's key or value, for typed iteration. */
export interface MapLayout {
  readonly name: string;
  readonly type: string;
  readonly keyBytes: number;
  readonly valueBytes: number;
  readonly maxEntries: number;
  readonly key: readonly FieldLayout[];
  readonly value: readonly FieldLayout[];
  /** Made only where the kernel lacks this, in place of another map. */
  readonly without?: 'task_storage';
  /** `STACK_COUNTS()`: counts of stacks, which can be read by the names of functions. */
  readonly stacks?: true;
  /** What the page shows of it. */
  readonly metrics?: readonly MetricLayout[];
}

/** A metric that a tag of the C source declares (bpf/include/metric.h); its labels are the fields of the map's key. */
export interface MetricLayout {
  readonly type: MetricType;
  /** As it is exposed. */
  readonly name: string;
  readonly help: string;
  /** JSON name of the member of the value that holds it; empty when it is the whole value. */
  readonly field: string;
  /** Label whose value is the index of the array's element. */
  readonly each?: string;
  /** Label whose value is the CPU: a series for each, and no sum. */
  readonly perCpu?: string;
  /** Other collectors have the metric, too: it gets the label `collector`. */
  readonly shared?: true;
  /** histogram only: upper bounds in the metric's unit, without +Inf. */
  readonly buckets?: readonly number[];
  /** histogram only: the sum is kept in this part of the metric's unit: 1e9 for nanoseconds and seconds. */
  readonly divisor?: number;
}

/** One program of an object. Several whose names differ only behind `___` are variants: the first that the kernel has runs. */
export interface AttachPoint {
  /** C name: `issued`, or `issued___tracepoint`. */
  readonly program: string;
  /** What it is attached to: `tp_btf/softirq_raise`, `perf_event`, `iter/task`. */
  readonly section: string;
  /** A `?` stands before the section: where the kernel does not have it, the object runs without. */
  readonly optional: boolean;
}

export interface ObjectManifest {
  /** Basename: `bpf/oom.bpf.c` is the collector `oom`. */
  readonly collector: string;
  /** One sentence: what an SRE learns from it (`doc:` tag of the event struct or of the licence anchor). */
  readonly doc: string;
  /** For the table of collectors: QUESTION(), KERNEL() and FALSE_POSITIVES(), when the source has them. */
  readonly about?: About;
  /** Present when the object has an `events` ring. */
  readonly event?: EventLayout;
  readonly options: readonly OptionLayout[];
  /** Global variables that are metrics are one more map, `.bss`. */
  readonly maps: readonly MapLayout[];
  /** Its programs, in the order of the source. */
  readonly attachPoints: readonly AttachPoint[];
}
