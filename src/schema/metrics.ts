/** Metrics that tags of the C source declare: on a map, on a member of its value, or on a global variable. */
import { LABEL_NAME, METRIC_NAME } from '../sdk/instrument-names.ts';
import type { Btf } from './btf.ts';
import { buildFailed, type SourceLocation } from './failure.ts';
import type { FieldLayout, MapLayout, MetricLayout } from './manifest.ts';

const METRIC_TAG = /^(counter|gauge|histogram):(.*)$/s;
const NUMBERS: ReadonlySet<string> = new Set(['count', 'bytes', 'signed', 'id', 'dur_ns']);
const RESERVED: ReadonlySet<string> = new Set(['le', 'region', 'host']);

/** Where tags are: on a type or variable, or on one of its members. */
interface Tagged {
  readonly btf: Btf;
  readonly id: number;
  readonly member?: number;
}

/**
 * The metric of one tagged thing; undefined when it has no such tag.
 * @param field that holds the number or the histogram; `json` names it below the value
 * @param type of that field, for the buckets of a histogram
 * @throws HuatuoError BUILD_FAILED
 */
export function taggedMetric(
  { btf, id, member }: Tagged,
  field: FieldLayout,
  type: number,
  location: SourceLocation,
): MetricLayout | undefined {
  const tag = (prefix: string): string | undefined => btf.tag(prefix, id, member);
  const declared = tag('metric:');
  if (declared === undefined) return undefined;
  const [, kind, name = ''] = METRIC_TAG.exec(declared) ?? [];
  const help = tag('help:') ?? '';
  if (kind === undefined || !METRIC_NAME.test(name))
    throw buildFailed(location, `metric ${declared}`, 'use COUNTER(), GAUGE() or HISTOGRAM() with a name');
  if (help.trim() === '')
    throw buildFailed(location, `no help for ${name}`, 'say in one sentence what it counts');
  const each = tag('each:');
  const perCpu = tag('per_cpu:');
  for (const label of [each, perCpu]) if (label !== undefined) checkLabel(label, location);
  const shared = tag('by:') === 'collector';
  return {
    type: kind as MetricLayout['type'],
    name,
    help,
    field: field.json,
    ...(each !== undefined && { each }),
    ...(perCpu !== undefined && { perCpu }),
    ...(shared && { shared }),
    ...(kind === 'histogram'
      ? bucketsOf(btf, type, field, location)
      : numberOf(name, field, each !== undefined, tag('shown:') === 'milliseconds', location)),
  };
}

const NS_PER_SECOND = 1e9;
const NS_PER_MILLISECOND = 1e6;

/** A duration is counted in nanoseconds and shown in seconds, as the page's other durations are, unless a dashboard has it otherwise. */
function numberOf(
  metric: string,
  field: FieldLayout,
  each: boolean,
  inMilliseconds: boolean,
  location: SourceLocation,
): Pick<MetricLayout, 'divisor'> {
  if (!NUMBERS.has(field.format)) {
    throw buildFailed(location, `a metric that is ${field.format}`, 'count in a u64, or use HISTOGRAM()');
  }
  if ((field.length !== undefined) !== each)
    throw buildFailed(
      location,
      each ? 'EACH() on one number' : 'an array of numbers',
      'an array has EACH("label"), a number has not',
    );
  if (field.format !== 'dur_ns') return {};
  if (inMilliseconds) return { divisor: NS_PER_MILLISECOND };
  if (!/_seconds(_total)?$/.test(metric))
    throw buildFailed(
      location,
      `a duration called ${metric}`,
      'end its name with _seconds or _seconds_total',
    );
  return { divisor: NS_PER_SECOND };
}

/** `struct time_histogram` and its siblings say what their slots mean. */
function bucketsOf(
  btf: Btf,
  type: number,
  field: FieldLayout,
  location: SourceLocation,
): Pick<MetricLayout, 'buckets' | 'divisor'> {
  const [, shift, divisor, step = 1] =
    /^(\d+):(\d+)(?::(\d+))?$/.exec(btf.tag('buckets:', btf.resolve(type)) ?? '') ?? [];
  const slots = field.fields?.find(({ name }) => name === 'slots')?.length;
  if (shift === undefined || divisor === undefined || slots === undefined) {
    throw buildFailed(
      location,
      `a histogram that is ${field.format}`,
      'use one of the histograms of bpf/include/histogram.h',
    );
  }
  const bound = (slot: number): number => 2 ** (slot * Number(step) + Number(shift)) / Number(divisor);
  return { buckets: Array.from({ length: slots - 1 }, (_, slot) => bound(slot)), divisor: Number(divisor) };
}

/** One part of a key as a label. */
interface KeyLabel {
  readonly name: string;
  readonly field: FieldLayout;
  /** Names of the members that lead to it. */
  readonly path: readonly string[];
}

/** The labels a key gives, without its cgroup id, which stands for those of a container. */
export function keyLabels(map: Pick<MapLayout, 'key' | 'maxEntries' | 'type'>): readonly KeyLabel[] {
  const [only] = map.key;
  if (only?.name === '' && only.json === '') return [];
  return labelsBelow(map.key, []);
}

function labelsBelow(fields: readonly FieldLayout[], path: readonly string[]): KeyLabel[] {
  return fields.flatMap((field): KeyLabel[] => {
    if (field.format === 'pad' || field.format === 'cgroup_id') return [];
    const here = [...path, field.json];
    if (field.format === 'struct') return labelsBelow(field.fields ?? [], here);
    return [{ name: here.join('_'), field, path: field.name === '' ? [] : here }];
  });
}

/** The cgroup id of a key. */
export function keyCgroup({ key }: Pick<MapLayout, 'key'>): FieldLayout | undefined {
  return key.find(({ format }) => format === 'cgroup_id');
}

/** @throws HuatuoError BUILD_FAILED for a key whose fields cannot be labels */
export function checkKey(map: MapLayout, location: SourceLocation): void {
  const cgroups = map.key.filter(({ format }) => format === 'cgroup_id');
  const labels = keyLabels(map);
  if (cgroups.length > 1)
    throw buildFailed(location, 'two cgroup ids in its key', 'a series has one container');
  const single = map.type.endsWith('array') && map.maxEntries === 1;
  if (labels.length === 0 && cgroups.length === 0 && !single) {
    throw buildFailed(location, 'a key without a name', 'make the key a struct: its fields are the labels');
  }
  for (const { name, field } of labels) {
    checkLabel(name, { ...location, field: name });
    if (field.length !== undefined)
      throw buildFailed({ ...location, field: name }, 'an array in its key', 'a label has one value');
  }
}

function checkLabel(name: string, location: SourceLocation): void {
  if (LABEL_NAME.test(name) && !RESERVED.has(name)) return;
  throw buildFailed(location, `label ${name}`, 'use another name: le, region and host are taken');
}
