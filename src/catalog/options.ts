/** The options of one collector: those that its BPF object declares with OPTION() and those of its module, as one schema. */
import { z } from 'zod';
import { HuatuoError } from '../error.ts';
import type { ObjectManifest, OptionLayout } from '../schema/manifest.ts';
import { count, durationNs, flag, size } from '../sdk/option-fields.ts';
import { formatDuration, formatSize } from '../sdk/units.ts';

/** Keys of every collector's section that mean the same for all. */
export const RESERVED_KEYS: readonly string[] = ['enabled', 'cpu'];

/**
 * @param moduleSchema the module's `options`, as it came: an object schema of zod 4, each key with a default
 * @throws HuatuoError COLLECTOR_INVALID when the two do not make one section that may be left out of the file
 */
export function optionsSchema(manifest: ObjectManifest | undefined, moduleSchema: unknown): z.ZodObject {
  const fromObject = (manifest?.options ?? []).map((option) => [option.key, optionField(option)] as const);
  const fromModule = moduleSchema === undefined ? [] : Object.entries(shapeOf(moduleSchema));
  const shape: Record<string, z.ZodType> = {};
  for (const [key, field] of [...fromObject, ...fromModule]) {
    if (RESERVED_KEYS.includes(key))
      throw invalid(`option ${key}, which every collector has`, 'rename the option');
    if (Object.hasOwn(shape, key)) throw invalid(`option ${key} declared twice`, 'rename one of them');
    shape[key] = field as z.ZodType;
  }
  const schema = z.strictObject(shape);
  const withDefaults = schema.safeParse({});
  if (withDefaults.success) return schema;
  const key = withDefaults.error.issues[0]?.path[0];
  throw invalid(
    `option ${String(key)} without a valid default`,
    'give it a default: collectors run without a config file',
  );
}

/**
 * Config values under the names the collector reads: C names for options of the BPF object, keys for the others.
 * @param values what the schema above made
 */
export function namedOptions(
  manifest: ObjectManifest | undefined,
  values: Readonly<Record<string, unknown>>,
): Record<string, unknown> {
  const cNames = new Map(manifest?.options.map(({ key, name }) => [key, name]));
  return Object.fromEntries(Object.entries(values).map(([key, value]) => [cNames.get(key) ?? key, value]));
}

function optionField(option: OptionLayout): z.ZodType {
  const { defaultValue, doc, bytes } = option;
  const max = bytes === 8 ? Number.MAX_SAFE_INTEGER : 2 ** (8 * bytes) - 1;
  const bound = bytes === 8 ? {} : { max };
  switch (option.format) {
    case 'dur_ns':
      return durationNs({
        default: formatDuration(defaultValue),
        doc,
        ...(bytes < 8 && { max: formatDuration(max) }),
      });
    case 'bytes':
      return size({ default: formatSize(defaultValue), doc, ...(bytes < 8 && { max: formatSize(max) }) });
    case 'count':
      return count({ default: defaultValue, doc, ...bound });
    case 'bool':
      return flag({ default: defaultValue !== 0, doc });
  }
}

/** By structure and not by `instanceof`: a user's collector may bring its own copy of zod. */
function shapeOf(schema: unknown): z.ZodRawShape {
  const definition = (schema as Partial<z.ZodObject> | null)?._zod?.def;
  if (definition?.type !== 'object')
    throw invalid('options that are no z.object({...}) of zod 4', 'declare them with it');
  if (definition.checks?.length) {
    throw invalid('a refinement over the whole options object', 'check single options, or check in start()');
  }
  return definition.shape;
}

function invalid(found: string, remedy: string): HuatuoError {
  return new HuatuoError('COLLECTOR_INVALID', {
    expected: 'options that form one config section',
    found,
    remedy,
  });
}
