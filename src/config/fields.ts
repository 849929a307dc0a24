/**
 * Building blocks of config schemas. Each is a zod schema over the text of the file that carries what a reader needs:
 * `description`, and `allowed`, one clause that error messages, the default file and the help print.
 */
import { isAbsolute, normalize } from 'node:path';
import * as z from 'zod';
import { matchesWhole } from '../sdk/name-filter.ts';
import { DURATION_PATTERN, NS_PER_MS, parseDuration, parseSize, SIZE_PATTERN } from '../sdk/units.ts';

interface UnitField {
  /** As in the file: `15s`, `64MiB`. */
  readonly default: string;
  readonly min?: string;
  readonly max?: string;
  /** At most this share of what another key of the section has; checked with the section. */
  readonly within?: { readonly key: string; readonly share: number };
  readonly doc: string;
}

/** Longer ones are more nanoseconds than a number holds. */
const LONGEST = '104d';

/** A duration; the value is nanoseconds. */
export function durationNs(field: UnitField): z.ZodType<number> {
  return unit({ max: LONGEST, ...field }, DURATION_PATTERN, parseDuration, 'a duration such as 500ms or 15s');
}

/** A duration; the value is milliseconds. */
export function durationMs(field: UnitField): z.ZodType<number> {
  return durationNs(field).transform((ns) => ns / NS_PER_MS);
}

/** A size; the value is bytes. */
export function size(field: UnitField): z.ZodType<number> {
  return unit(field, SIZE_PATTERN, parseSize, 'a size such as 64KiB or 1GB');
}

function unit(
  field: UnitField,
  pattern: RegExp,
  parse: (text: string) => number | undefined,
  example: string,
): z.ZodType<number> {
  // A bound that is itself misspelt becomes NaN, which lets nothing pass: not even the default.
  const min = field.min === undefined ? 0 : (parse(field.min) ?? Number.NaN);
  const max = field.max === undefined ? Number.MAX_SAFE_INTEGER : (parse(field.max) ?? Number.NaN);
  return z
    .string()
    .regex(pattern)
    .transform((text, context) => {
      const value = parse(text);
      if (value !== undefined && value >= min && value <= max) return value;
      context.addIssue({ code: 'custom', message: 'out of bounds' });
      return z.NEVER;
    })
    .prefault(field.default)
    .meta({ description: field.doc, allowed: example + bounds(field) });
}

function bounds({ within, ...field }: UnitField): string {
  const share = within ? `; at most ${100 * within.share} % of ${within.key}` : '';
  return range(field) + share;
}

function range({ min, max }: Pick<UnitField, 'min' | 'max'>): string {
  if (min !== undefined && max !== undefined) return `, from ${min} to ${max}`;
  if (min !== undefined) return `, at least ${min}`;
  return max === undefined ? '' : `, at most ${max}`;
}

interface CountField {
  readonly default: number;
  readonly min?: number;
  readonly max?: number;
  readonly doc: string;
}

/** A whole number without a unit. */
export function count(field: CountField): z.ZodType<number> {
  const { min = 0, max = Number.MAX_SAFE_INTEGER } = field;
  const allowed = max < Number.MAX_SAFE_INTEGER ? `from ${min} to ${max}` : `of ${min} or more`;
  return z
    .int()
    .min(min)
    .max(max)
    .default(field.default)
    .meta({ description: field.doc, allowed: `a whole number ${allowed}` });
}

/** true or false. */
export function flag(field: { readonly default: boolean; readonly doc: string }): z.ZodType<boolean> {
  return z.boolean().default(field.default).meta({ description: field.doc, allowed: 'true or false' });
}

/** A regular expression of names; what is wrong with one is said. */
export function pattern(field: {
  readonly default: string;
  readonly max: number;
  readonly doc: string;
}): z.ZodType<string> {
  return z
    .string()
    .max(field.max)
    .superRefine((text, context) => {
      const reason = patternFault(text);
      if (reason !== undefined) context.addIssue({ code: 'custom', message: reason, params: { reason } });
    })
    .default(field.default)
    .meta({
      description: field.doc,
      allowed: 'a regular expression that matches whole names, such as eth.*|en.*',
    });
}

/** @returns what V8 says behind the pattern: `Unterminated group` */
function patternFault(text: string): string | undefined {
  try {
    matchesWhole(text);
    return undefined;
  } catch (error) {
    const { message } = error as Error;
    return message.slice(message.lastIndexOf(': ') + 2);
  }
}

/** One of a few words. */
export function choice<const Words extends readonly [string, ...string[]]>(field: {
  readonly of: Words;
  readonly default: Words[number];
  readonly doc: string;
}): z.ZodType<Words[number]> {
  const words: readonly string[] = field.of;
  const allowed = `${words.slice(0, -1).join(', ')} or ${words.at(-1)}`;
  return z
    .enum(words as [string, ...string[]])
    .default(field.default)
    .meta({ description: field.doc, allowed }) as z.ZodType<Words[number]>;
}

/** A path, normalised. It must be absolute: the working directory of a daemon is not chosen by its user. */
export function absolutePath(field: { readonly default: string; readonly doc: string }): z.ZodType<string> {
  return z
    .string()
    .refine((path) => isAbsolute(path) && !path.includes('\0'))
    .transform(normalize)
    .prefault(field.default)
    .meta({ description: field.doc, allowed: 'an absolute path' });
}

/** The same, or empty for none. */
export function absolutePathOrNone(doc: string): z.ZodType<string> {
  return z
    .string()
    .max(4096)
    .refine((path) => path === '' || (isAbsolute(path) && !path.includes('\0')))
    .default('')
    .meta({ description: doc, allowed: 'an absolute path, or empty' });
}

/** A mapping that may be left out: all its keys have defaults, which is what the assertion says. */
export function section<Shape extends z.ZodRawShape>(
  description: string,
  shape: Shape,
): z.ZodPrefault<z.ZodObject<Shape, z.core.$strict>> {
  return z
    .strictObject(shape)
    .prefault({} as never)
    .meta({ description });
}
