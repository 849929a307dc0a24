/** The part of the config file that the collectors bring: one section each, made from their own options. */
import * as z from 'zod';
import type { Catalog } from '../catalog/catalog.ts';
import { type CatalogEntry, isPooled } from '../catalog/entry.ts';
import { namedOptions } from '../catalog/options.ts';
import type { DurationOption, OptionSpec, OptionSpecs, ScalarOption, TextOption } from '../sdk/options.ts';
import { formatDuration } from '../sdk/units.ts';
import type { CollectorConfig, CpuFence } from './effective.ts';
import { choice, count, durationNs, flag, pattern, section, size } from './fields.ts';

/**
 * The section `collectors`, keyed by the collectors' own names.
 *
 * Sections of broken collectors are known by name and not looked into: their schema is what is broken.
 */
export function collectorSections(catalog: Catalog): z.ZodType<Record<string, CollectorConfig>> {
  const usable = catalog.entries.map((entry) => [entry.name, collector(entry)] as const);
  const names = new Set(usable.map(([name]) => name));
  const broken = catalog.broken.map(({ name }) => [name, z.unknown().optional()] as const);
  const shape = Object.fromEntries<z.ZodType>([...broken, ...usable]);
  return section('One section for each collector', shape).transform((sections) => {
    const checked = Object.entries(sections).filter(([name]) => names.has(name));
    return Object.fromEntries(checked) as Record<string, CollectorConfig>;
  });
}

const NS_PER_SECOND = 1e9;
const UNFENCED: CpuFence = { affinity: [], nice: 0, quota_cores: undefined };

function collector(entry: CatalogEntry): z.ZodType<CollectorConfig> {
  const also = entry.aliases.length === 0 ? '' : ` (also: ${entry.aliases.join(', ')})`;
  const shape: z.ZodRawShape = {
    enabled: flag({ default: entry.enabledByDefault, doc: 'Whether it runs' }),
    ...Object.fromEntries(Object.entries(entry.options).map(([key, spec]) => [key, optionSchema(spec)])),
    // Metrics from files are read by tasks on a pool that all of them share: no thread of its own, nothing to fence.
    ...(isPooled(entry) ? {} : { cpu: cpu() }),
  };
  return section(`${entry.doc}${also}`, shape)
    .superRefine((values, context) => refuseTooLong(entry.options, values, context))
    .transform(({ enabled, cpu, ...options }) => ({
      enabled: enabled as boolean,
      cpu: (cpu as CpuFence | undefined) ?? UNFENCED,
      options: namedOptions(entry.manifest, options),
    }));
}

/** Durations that must fit into another one. The fault is at the shorter one, also when the other was changed: it names both. */
function refuseTooLong(
  options: OptionSpecs,
  values: Readonly<Record<string, unknown>>,
  context: z.RefinementCtx,
): void {
  for (const [key, spec] of Object.entries(options)) {
    const { within } = spec.type === 'duration' ? spec : {};
    const other = within && options[within.key];
    if (!within || other?.type !== 'duration') continue;
    const nsOf = (name: string, { unit }: DurationOption): number =>
      Number(values[name]) * (unit === 'ns' ? 1 : NS_PER_SECOND);
    const [longest_ns, all_ns] = [nsOf(within.key, other) * within.share, nsOf(within.key, other)];
    if (nsOf(key, spec as DurationOption) <= longest_ns) continue;
    const allowed =
      `${key} of at most ${formatDuration(Math.floor(longest_ns))}: ${100 * within.share} % of ` +
      `${within.key}, which is ${formatDuration(Math.round(all_ns))}; make ${key} shorter or ${within.key} longer`;
    context.addIssue({ code: 'custom', path: [key], message: 'too long', params: { allowed } });
  }
}

/** The schema of one config key. */
function optionSchema(spec: OptionSpec): z.ZodType {
  if (spec.type !== 'list') return scalarSchema(spec);
  const { of, doc, max } = spec;
  return z
    .array(scalarSchema(of))
    .max(max)
    .prefault([...spec.default] as never)
    .meta({ description: doc, allowed: `a list of at most ${max} elements` });
}

function scalarSchema(spec: ScalarOption): z.ZodType {
  switch (spec.type) {
    case 'duration': {
      const ns = durationNs(spec);
      return spec.unit === 'ns' ? ns : ns.transform((value) => value / NS_PER_SECOND);
    }
    case 'size':
      return size(spec);
    case 'count':
      return count(spec);
    case 'number': {
      const least = spec.min === undefined ? z.number() : z.number().min(spec.min);
      const bounded = spec.max === undefined ? least : least.max(spec.max);
      return bounded.default(spec.default).meta({ description: spec.doc });
    }
    case 'flag':
      return flag(spec);
    case 'choice':
      return choice({ ...spec, of: spec.of as [string, ...string[]] });
    case 'text':
      return spec.syntax === 'pattern' ? pattern(spec) : textSchema(spec);
  }
}

function textSchema({ max, default: byDefault, doc }: TextOption): z.ZodType {
  return z
    .string()
    .max(max)
    .default(byDefault)
    .meta({ description: doc, allowed: `text of at most ${max} characters` });
}

function cpu() {
  return section('Its share of the CPUs', {
    affinity: z
      .array(z.int().min(0).max(8191).meta({ allowed: 'a CPU number' }))
      .max(8192)
      .prefault([])
      .meta({ description: 'CPUs it may run on', allowed: 'a list of CPU numbers; empty is all' }),
    nice: count({ default: 0, min: -20, max: 19, doc: 'Its priority; higher is politer' }),
    quota: z.union([z.string(), z.number()]).transform(toCores).prefault('none').meta({
      description: 'CPU time its thread may use; that of the journal for its documents is not in it',
      allowed: 'none, a share of one CPU such as 50%, or a number of CPUs such as 0.5',
    }),
  }).transform(({ affinity, nice, quota }) => ({ affinity, nice, quota_cores: quota }));
}

function toCores(quota: string | number, context: z.RefinementCtx): number | undefined {
  if (quota === 'none') return undefined;
  const percent = typeof quota === 'string' ? /^(\d{1,6}(?:\.\d{1,3})?)%$/.exec(quota)?.[1] : undefined;
  const cores = typeof quota === 'number' ? quota : Number(percent) / 100;
  if (cores >= 0.01 && cores <= 8192) return cores;
  context.addIssue({ code: 'custom', message: 'no quota' });
  return z.NEVER;
}
