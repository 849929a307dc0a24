/** Event layouts without a C compiler: fields in order, offsets as C would sharedMemory them, gaps filled with pads. */
import type { EventLayout, FieldFormat, FieldLayout } from '../../src/schema/manifest.ts';

/** A field before it has a sharedMemory. */
export interface FieldSpec {
  readonly name: string;
  readonly format: FieldFormat;
  /** Bytes of a scalar, a text or one element of an array. */
  readonly bytes: number;
  readonly length?: number;
  readonly enumerators?: Readonly<Record<string, string>>;
  readonly optional?: true;
  readonly owner?: true;
  readonly kernelEnum?: string;
  readonly fields?: readonly FieldSpec[];
}

/** A ring of several structs, the first with tag 0; each begins with the head that they have in common. */
export function layoutOfVariants(
  first: readonly FieldSpec[],
  ...others: readonly (readonly FieldSpec[])[]
): EventLayout {
  const variants = others.map((fields, index) => ({
    tag: index + 1,
    struct: `variant_${index + 1}_event`,
    doc: '',
    ...sharedMemory(withHead(fields, index + 1)),
  }));
  return { ...layoutOf(withHead(first, 0)), variants };
}

function withHead(fields: readonly FieldSpec[], tag: number): readonly FieldSpec[] {
  const name = tag === 0 ? 'sample' : `variant_${tag}`;
  return [
    u64('time', 'ktime_ns'),
    u64('cgroup_id', 'cgroup_id'),
    { name: 'kind', format: 'tag', bytes: 4, enumerators: { [tag]: name } },
    ...fields,
  ];
}

interface Placed {
  readonly fields: readonly FieldLayout[];
  readonly bytes: number;
  readonly alignment: number;
}

export function layoutOf(fields: readonly FieldSpec[]): EventLayout {
  const placed = sharedMemory(fields);
  return {
    struct: 'sample_event',
    bytes: placed.bytes,
    tracer: 'sample',
    severity: 'warning',
    schemaVersion: 1,
    doc: '',
    fields: placed.fields,
    hash: '',
  };
}

function sharedMemory(specs: readonly FieldSpec[]): Placed {
  const fields: FieldLayout[] = [];
  let end = 0;
  let widest = 1;
  const pad = (alignment: number): void => {
    const gap = -end & (alignment - 1);
    if (gap > 0) fields.push({ name: 'pad', json: 'pad', format: 'pad', offset: end, bytes: gap, doc: '' });
    end += gap;
  };
  for (const spec of specs) {
    const nested = spec.fields && sharedMemory(spec.fields);
    const alignment = nested?.alignment ?? alignmentOf(spec);
    pad(alignment);
    const isTail = spec.format === 'text_tail' || spec.format === 'bytes_tail';
    const bytes = nested?.bytes ?? (isTail ? 0 : spec.bytes * (spec.length ?? 1));
    fields.push({
      name: spec.name,
      json: spec.name,
      format: spec.format,
      offset: end,
      bytes,
      doc: '',
      ...(spec.length !== undefined && { length: spec.length }),
      ...(spec.optional && { optional: spec.optional }),
      ...(spec.owner && { owner: spec.owner }),
      ...(spec.kernelEnum && { kernelEnum: spec.kernelEnum }),
      ...(spec.enumerators && { enumerators: spec.enumerators }),
      ...(nested && { fields: nested.fields }),
    });
    end += bytes;
    widest = Math.max(widest, alignment);
  }
  // In C a tail must end its struct without padding: the pad stands in front of it.
  const tail = fields.at(-1);
  if (tail?.length !== undefined && tail.bytes === 0) {
    fields.pop();
    pad(widest);
    fields.push({ ...tail, offset: end });
  } else pad(widest);
  return { fields, bytes: end, alignment: widest };
}

function alignmentOf(spec: FieldSpec): number {
  return ['comm', 'text', 'ip_addr', 'pad', 'text_tail', 'bytes_tail'].includes(spec.format)
    ? 1
    : Math.min(spec.bytes, 8);
}

const u64 = (name: string, format: FieldFormat): FieldSpec => ({ name, format, bytes: 8 });
const u32 = (name: string, format: FieldFormat): FieldSpec => ({ name, format, bytes: 4 });

/** Like the softirq event without its stack: 72 bytes. */
export const SOFTIRQ_LIKE: EventLayout = layoutOf([
  u64('time', 'ktime_ns'),
  u64('latency_ns', 'dur_ns'),
  u64('threshold_ns', 'dur_ns'),
  u64('cgroup_id', 'cgroup_id'),
  { ...u32('vector', 'enum'), enumerators: { 0: 'HI', 1: 'TIMER', 2: 'NET_TX', 3: 'NET_RX', 4: 'BLOCK' } },
  u32('cpu', 'id'),
  u32('pid', 'id'),
  u32('tid', 'id'),
  { name: 'comm', format: 'comm', bytes: 16 },
  u64('address', 'hex'),
]);

/** The least an event can be: 24 bytes. */
export const TINY: EventLayout = layoutOf([
  u64('time', 'ktime_ns'),
  u64('number', 'count'),
  u64('cgroup_id', 'cgroup_id'),
]);

/** Each format once, with the shapes the generator treats apart; some constants are longer than 64 bytes. */
export const EVERY_FORMAT: EventLayout = layoutOf([
  u64('latency_ns', 'dur_ns'),
  u64('time', 'ktime_ns'),
  u64('cgroup_id', 'cgroup_id'),
  { name: 'rss_bytes', format: 'bytes', bytes: 8, length: 3 },
  { name: 'flags', format: 'hex', bytes: 4, length: 2 },
  u64('address', 'hex'),
  { name: 'error', format: 'signed', bytes: 4 },
  { name: 'state', format: 'enum', bytes: 2, enumerators: { 0: 'RUNNING', 1: 'SLEEPING', 65535: 'UNKNOWN' } },
  { name: 'forced', format: 'bool', bytes: 1 },
  {
    name: 'a_task_with_a_name_that_makes_the_constant_before_its_pid_longer_than_64_bytes',
    format: 'struct',
    bytes: 0,
    fields: [
      u32('pid', 'id'),
      { name: 'comm', format: 'comm', bytes: 16 },
      { name: 'where', format: 'struct', bytes: 0, fields: [{ name: 'path', format: 'text', bytes: 40 }] },
    ],
  },
  { name: 'source', format: 'ip_addr', bytes: 16 },
  { name: 'stack', format: 'kstack', bytes: 8, length: 8 },
  u32('events', 'count'),
  { ...u32('reason', 'kernel_enum'), kernelEnum: 'skb_drop_reason' },
  u32('netns', 'netns'),
  u32('device', 'netdev'),
  u32('disk', 'block_dev'),
  { name: 'user_stack', format: 'ustack', bytes: 32, length: 4 },
  {
    name: 'parent',
    format: 'struct',
    bytes: 0,
    fields: [u32('pid', 'id'), { ...u64('cgroup_id', 'cgroup_id'), owner: true }],
  },
]);
