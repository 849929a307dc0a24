/**
 * The shape of `<collector>.json`, for the manifests of collectors that were built elsewhere. Keys that a newer build adds
 * are let through.
 */
import * as z from 'zod';
import type { FieldFormat, FieldLayout, ObjectManifest } from '../schema/manifest.ts';

/** `satisfies` keeps the list in step with the type in one direction, the Record in the other. */
const FORMATS = Object.keys({
  ktime_ns: true,
  dur_ns: true,
  bytes: true,
  count: true,
  signed: true,
  id: true,
  hex: true,
  cgroup_id: true,
  comm: true,
  text: true,
  ip_addr: true,
  bool: true,
  enum: true,
  kstack: true,
  kframe: true,
  ustack: true,
  packet: true,
  tag: true,
  tail_length: true,
  text_tail: true,
  bytes_tail: true,
  kernel_enum: true,
  block_dev: true,
  netdev: true,
  netns: true,
  struct: true,
  pad: true,
} satisfies Record<FieldFormat, true>) as FieldFormat[];

const bytes = z.int().min(0).max(0xffff_ffff);

const field: z.ZodType<FieldLayout> = z.looseObject({
  name: z.string(),
  json: z.string(),
  format: z.enum(FORMATS),
  offset: bytes,
  bytes,
  length: bytes.optional(),
  doc: z.string(),
  optional: z.literal(true).optional(),
  controller: z.string().optional(),
  numbered: z.literal(true).optional(),
  owner: z.literal(true).optional(),
  kernelEnum: z.string().optional(),
  enumerators: z.record(z.string(), z.string()).optional(),
  get fields() {
    return z.array(field).optional();
  },
}) as z.ZodType<FieldLayout>;

const event = z.looseObject({
  struct: z.string(),
  bytes,
  tracer: z.string().regex(/^[a-z0-9_]+$/),
  severity: z.enum(['info', 'warning', 'critical']),
  schemaVersion: z.int().min(1),
  doc: z.string(),
  fields: z.array(field),
  variants: z
    .array(
      z.looseObject({ tag: z.int(), struct: z.string(), bytes, doc: z.string(), fields: z.array(field) }),
    )
    .optional(),
  hash: z.string().regex(/^[0-9a-f]{64}$/),
});

const option = z.looseObject({
  name: z.string().regex(/^[a-z_][a-z0-9_]*$/),
  key: z.string().regex(/^[a-z][a-z0-9_]*$/),
  format: z.enum(['dur_ns', 'bytes', 'count', 'bool']),
  offset: bytes,
  bytes: z.literal([1, 2, 4, 8]),
  defaultValue: z.int().min(0),
  doc: z.string(),
});

const metric = z.looseObject({
  type: z.enum(['counter', 'gauge', 'histogram']),
  name: z.string(),
  help: z.string(),
  field: z.string(),
  each: z.string().optional(),
  perCpu: z.string().optional(),
  shared: z.literal(true).optional(),
  buckets: z.array(z.number()).optional(),
  divisor: z.number().positive().optional(),
});

const map = z.looseObject({
  name: z.string(),
  type: z.string(),
  keyBytes: bytes,
  valueBytes: bytes,
  maxEntries: bytes,
  key: z.array(field),
  value: z.array(field),
  without: z.literal('task_storage').optional(),
  stacks: z.literal(true).optional(),
  metrics: z.array(metric).optional(),
});

const manifest = z.looseObject({
  collector: z.string(),
  doc: z.string(),
  about: z.looseObject({ question: z.string(), kernel: z.string(), falsePositives: z.string() }).optional(),
  event: event.optional(),
  options: z.array(option),
  maps: z.array(map),
  attachPoints: z.array(z.object({ program: z.string(), section: z.string(), optional: z.boolean() })),
}) as unknown as z.ZodType<ObjectManifest>;

/**
 * A manifest out of the text of its file.
 * @throws SyntaxError or ZodError
 */
export function parseManifest(text: string): ObjectManifest {
  return manifest.parse(JSON.parse(text));
}
