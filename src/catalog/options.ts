/** The options of one collector: those that its BPF object declares with OPTION() and those of its module, as one section. */
import { HuatuoError } from '../error.ts';
import type { ObjectManifest, OptionLayout } from '../schema/manifest.ts';
import type { OptionSpec, OptionSpecs, ScalarOption } from '../sdk/options.ts';
import { formatDuration, formatSize, parseDuration, parseSize } from '../sdk/units.ts';

/** Keys of every collector's section that mean the same for all. */
const RESERVED_KEYS: readonly string[] = ['enabled', 'cpu'];
const KEY = /^[a-z][a-z0-9_]{0,63}$/;

/**
 * @param declared the module's own, of a checked shape
 * @throws HuatuoError COLLECTOR_INVALID when the two do not make one section that may be left out of the file
 */
export function mergeOptions(
  manifest: ObjectManifest | undefined,
  declared: OptionSpecs | undefined,
): OptionSpecs {
  const fromObject = (manifest?.options ?? []).map((option) => [option.key, fromLayout(option)] as const);
  const merged: Record<string, OptionSpec> = {};
  for (const [key, spec] of [...fromObject, ...Object.entries(declared ?? {})]) {
    if (RESERVED_KEYS.includes(key))
      throw invalid(`option ${key}, which every collector has`, 'rename the option');
    if (Object.hasOwn(merged, key)) throw invalid(`option ${key} declared twice`, 'rename one of them');
    if (!KEY.test(key)) throw invalid(`option ${JSON.stringify(key)}`, 'name it with a-z, 0-9 and _');
    if (spec.doc.trim() === '')
      throw invalid(`option ${key} without a doc`, 'say in a few words what it means');
    if (!hasValidDefault(spec))
      throw invalid(
        `option ${key} without a valid default`,
        'give it a default within its bounds: collectors run without a config file',
      );
    merged[key] = spec;
  }
  return merged;
}

/**
 * Config values under the names the collector reads: C names for options of the BPF object, keys for the others.
 * @param values by key
 */
export function namedOptions(
  manifest: ObjectManifest | undefined,
  values: Readonly<Record<string, unknown>>,
): Record<string, unknown> {
  const cNames = new Map(manifest?.options.map(({ key, name }) => [key, name]));
  return Object.fromEntries(Object.entries(values).map(([key, value]) => [cNames.get(key) ?? key, value]));
}

function fromLayout({ format, defaultValue, doc, bytes }: OptionLayout): OptionSpec {
  const max = bytes === 8 ? undefined : 2 ** (8 * bytes) - 1;
  switch (format) {
    case 'dur_ns':
      return {
        type: 'duration',
        unit: 'ns',
        default: formatDuration(defaultValue),
        doc,
        ...(max !== undefined && { max: formatDuration(max) }),
      };
    case 'bytes':
      return {
        type: 'size',
        default: formatSize(defaultValue),
        doc,
        ...(max !== undefined && { max: formatSize(max) }),
      };
    case 'count':
      return { type: 'count', default: defaultValue, doc, ...(max !== undefined && { max }) };
    case 'bool':
      return { type: 'flag', default: defaultValue !== 0, doc };
  }
}

function hasValidDefault(spec: OptionSpec): boolean {
  if (spec.type !== 'list') return isValue(spec, spec.default);
  return spec.default.length <= spec.max && spec.default.every((value) => isValue(spec.of, value));
}

/** Whether this may stand in the config file. */
function isValue(spec: ScalarOption, value: ScalarOption['default']): boolean {
  switch (spec.type) {
    case 'duration':
      return isWithin(parseDuration, value, spec);
    case 'size':
      return isWithin(parseSize, value, spec);
    case 'count':
    case 'number': {
      const { min = spec.type === 'count' ? 0 : -Infinity, max = Infinity } = spec;
      const whole = spec.type === 'number' || Number.isSafeInteger(value);
      return whole && Number.isFinite(value) && (value as number) >= min && (value as number) <= max;
    }
    case 'flag':
      return typeof value === 'boolean';
    case 'choice':
      return spec.of.includes(value as string);
    case 'text':
      return typeof value === 'string' && value.length <= spec.max;
  }
}

/** A bound that is misspelt lets nothing pass. */
function isWithin(
  parse: (text: string) => number | undefined,
  value: unknown,
  { min, max }: { readonly min?: string; readonly max?: string },
): boolean {
  const number = parse(String(value));
  const least = min === undefined ? 0 : parse(min);
  const most = max === undefined ? Number.MAX_SAFE_INTEGER : parse(max);
  if (number === undefined || least === undefined || most === undefined) return false;
  return number >= least && number <= most;
}

function invalid(found: string, remedy: string): HuatuoError {
  return new HuatuoError('COLLECTOR_INVALID', {
    expected: 'options that form one config section',
    found,
    remedy,
  });
}
