/** The shape of a description that comes from a thread that runs a user's code. */
import * as z from 'zod';
import type { DocumentField } from '../sdk/document.ts';
import type { CollectorDescription } from './description.ts';

const doc = z.string().max(4096);
const number = z.number();

const scalar = z.discriminatedUnion('type', [
  z.object({
    type: z.literal('duration'),
    unit: z.enum(['s', 'ns']),
    default: z.string(),
    min: z.string().optional(),
    max: z.string().optional(),
    within: z.object({ key: z.string(), share: z.number().gt(0).max(1) }).optional(),
    doc,
  }),
  z.object({
    type: z.literal('size'),
    default: z.string(),
    min: z.string().optional(),
    max: z.string().optional(),
    doc,
  }),
  z.object({
    type: z.enum(['number', 'count']),
    default: number,
    min: number.optional(),
    max: number.optional(),
    doc,
  }),
  z.object({ type: z.literal('flag'), default: z.boolean(), doc }),
  z.object({ type: z.literal('choice'), of: z.array(z.string()).min(1), default: z.string(), doc }),
  z.object({
    type: z.literal('text'),
    default: z.string(),
    max: z.int().min(1),
    syntax: z.enum(['packet_filter', 'pattern']).optional(),
    kernelEnum: z.string().optional(),
    doc,
  }),
]);

const option = z.union(
  [
    scalar,
    z.object({
      type: z.literal('list'),
      of: scalar,
      default: z.array(z.union([z.string(), number, z.boolean()])),
      max: z.int().min(1),
      doc,
    }),
  ],
  {
    error:
      'expected what duration(), size(), count(), number(), flag(), choice(), text(), packetFilter(), pattern() or list() returns',
  },
);

const MISSING_BOUND = 'expected `within` to have the key of another duration of the collector';

interface Bounded {
  readonly type: string;
  readonly within?: { readonly key: string } | undefined;
}

function boundsAreThere(options: Readonly<Record<string, Bounded>>): boolean {
  return Object.values(options).every(({ within }) => !within || options[within.key]?.type === 'duration');
}

const optional = z.literal(true).optional();
const field: z.ZodType<DocumentField> = z.lazy(() =>
  z.union(
    [
      z.object({
        type: z.enum(['bytes', 'nanoseconds', 'integer', 'decimal', 'boolean', 'keyword']),
        doc,
        optional,
      }),
      z.object({ type: z.literal('struct'), fields, doc, optional }),
      z.object({ type: z.enum(['list', 'record']), of: field, doc, optional }),
    ],
    { error: 'expected what bytes(), integer(), keyword(), struct(), list() … return' },
  ),
) as z.ZodType<DocumentField>;
const fields = z.record(z.string().regex(/^[A-Za-z][A-Za-z0-9_]*$/), field);

const metric = z.object({
  type: z.enum(['counter', 'gauge', 'histogram']),
  help: z.string(),
  labels: z.array(z.string()),
  name: z.string().optional(),
  buckets: z.array(number).optional(),
});

const isFunction = z.literal('function', { error: 'expected a function' }).optional();

const about = z.object({ question: doc, reads: doc.optional(), kernel: doc, falsePositives: doc });

const description = z
  .object({
    kind: z.enum(['event', 'autotracing', 'metric']),
    doc: z.string().min(1).max(4096),
    about: about.optional(),
    needs: z
      .object({ what: doc, anyOf: z.array(z.string().regex(/^(procfs|sysfs):/)).min(1), remedy: doc })
      .optional(),
    enabledByDefault: z.boolean().optional(),
    options: z.record(z.string(), option).refine(boundsAreThere, { error: MISSING_BOUND }).optional(),
    metrics: z.record(z.string(), metric).optional(),
    document: fields.optional(),
    maxSeries: z.int().min(1).optional(),
    interval: z.number().positive().optional(),
    hooks: z.object({
      start: isFunction,
      prepare: isFunction,
      enrich: isFunction,
      update: isFunction,
      sample: isFunction,
      trigger: isFunction,
      capture: isFunction,
    }),
  })
  .refine(({ kind, hooks }) => kind !== 'metric' || hooks.update, {
    path: ['update'],
    error: 'expected a function',
  })
  .refine(({ hooks: { sample, trigger, capture } }) => !trigger === !capture && (!trigger || sample), {
    path: ['trigger'],
    error: 'expected sample(), trigger() and capture() together',
  });

/** @throws ZodError */
export function checkDescription(value: unknown): CollectorDescription {
  return description.parse(value) as CollectorDescription;
}
