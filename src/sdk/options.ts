/**
 * Config keys of a collector, as plain data:
 *
 *   options: { every: duration('10s', 'Time between two samples', { min: '1s' }), disks: list(text(), 'Empty is all') }
 *   ctx.options.every    // 10, seconds
 *
 * A field says all that the config file, its help and its error messages need. An OPTION() of a BPF object becomes the same
 * data (src/catalog/options.ts); the main thread makes the schema of the config section from it.
 */

interface Described {
  /** What it means, for the config file. */
  readonly doc: string;
}

/** Written as `15s`. `unit` is what the collector gets. */
export interface DurationOption extends Described {
  readonly type: 'duration';
  readonly unit: 's' | 'ns';
  readonly default: string;
  readonly min?: string;
  readonly max?: string;
  readonly within?: DurationShare;
}

/** At most a share of what another duration of the same collector is set to. */
export interface DurationShare {
  /** Its config key. */
  readonly key: string;
  /** From 0 to 1. */
  readonly share: number;
}

/** Written as `64KiB`; the value is bytes. */
export interface SizeOption extends Described {
  readonly type: 'size';
  readonly default: string;
  readonly min?: string;
  readonly max?: string;
}

/** `count` is a whole number of 0 or more unless `min` says otherwise. */
export interface NumberOption extends Described {
  readonly type: 'number' | 'count';
  readonly default: number;
  readonly min?: number;
  readonly max?: number;
}

export interface FlagOption extends Described {
  readonly type: 'flag';
  readonly default: boolean;
}

export interface ChoiceOption<Word extends string = string> extends Described {
  readonly type: 'choice';
  readonly of: readonly Word[];
  readonly default: Word;
}

export interface TextOption extends Described {
  readonly type: 'text';
  readonly default: string;
  /** Most characters. */
  readonly max: number;
  /** What `huatuo check` holds it against, beside its length. */
  readonly syntax?: 'packet_filter' | 'pattern';
  /** Enums of the kernel, as for `ctx.bpf.kernelEnum`, one of whose names it is; `huatuo check` warns of what this kernel lacks. */
  readonly kernelEnum?: string;
}

export type ScalarOption =
  | DurationOption
  | SizeOption
  | NumberOption
  | FlagOption
  | ChoiceOption
  | TextOption;

export interface ListOption<Element extends ScalarOption = ScalarOption> extends Described {
  readonly type: 'list';
  /** What each element is; its default and doc are not used. */
  readonly of: Element;
  /** As written in the file. */
  readonly default: readonly ScalarOption['default'][];
  /** Most elements. */
  readonly max: number;
}

export type OptionSpec = ScalarOption | ListOption;
export type OptionSpecs = Readonly<Record<string, OptionSpec>>;

/** What a collector gets for one key. */
export type OptionValue<Spec extends OptionSpec> =
  Spec extends ListOption<infer Element>
    ? readonly OptionValue<Element>[]
    : Spec extends ChoiceOption<infer Word>
      ? Word
      : Spec extends FlagOption
        ? boolean
        : Spec extends TextOption
          ? string
          : number;

/** `ctx.options` of a collector that declares these. */
export type OptionValues<Specs extends OptionSpecs> = {
  readonly [Key in keyof Specs]: OptionValue<Specs[Key]>;
};

interface Bounds<T> {
  readonly min?: T;
  readonly max?: T;
}

/** A duration such as `500ms`; the value is seconds. */
export function duration(
  byDefault: string,
  doc: string,
  bounds: Bounds<string> & Pick<DurationOption, 'within'> = {},
): DurationOption {
  return { type: 'duration', unit: 's', default: byDefault, doc, ...bounds };
}

/**
 * Bounds of how long a capture looks: as long as `ctx.profile` and `ctx.disks` can, and within `deadline`, of which a quarter is
 * kept for names.
 */
export const IN_CAPTURE: Bounds<string> & Pick<DurationOption, 'within'> = {
  min: '100ms',
  max: '60s',
  within: { key: 'deadline', share: 0.75 },
};

/** A size such as `64KiB`; the value is bytes. */
export function size(byDefault: string, doc: string, bounds: Bounds<string> = {}): SizeOption {
  return { type: 'size', default: byDefault, doc, ...bounds };
}

/** A whole number of 0 or more. */
export function count(byDefault: number, doc: string, bounds: Bounds<number> = {}): NumberOption {
  return { type: 'count', default: byDefault, doc, ...bounds };
}

/** A number, such as a ratio. */
export function number(byDefault: number, doc: string, bounds: Bounds<number> = {}): NumberOption {
  return { type: 'number', default: byDefault, doc, ...bounds };
}

/** true or false. */
export function flag(byDefault: boolean, doc: string): FlagOption {
  return { type: 'flag', default: byDefault, doc };
}

/** One of a few words. */
export function choice<const Words extends readonly [string, ...string[]]>(
  of: Words,
  byDefault: NoInfer<Words[number]>,
  doc: string,
): ChoiceOption<Words[number]> {
  return { type: 'choice', of, default: byDefault, doc };
}

const MAX_FILTER = 4096;

/** Packets as tcpdump takes them; empty is all. For `ctx.bpf.packetFilter`. */
export function packetFilter(doc: string): TextOption {
  return { type: 'text', default: '', doc, max: MAX_FILTER, syntax: 'packet_filter' };
}

/** A regular expression that must match a whole name; empty is said in `doc`. For `nameFilter`. */
export function pattern(byDefault: string, doc: string): TextOption {
  return { type: 'text', default: byDefault, doc, max: MAX_FILTER, syntax: 'pattern' };
}

/** A name that the kernel has in one of these enums, as an element of a list. @param names as for `ctx.bpf.kernelEnum` */
export function kernelName(names: string): TextOption {
  return { ...text(), kernelEnum: names };
}

const MAX_TEXT = 1024;

/** Any text. Without arguments it is an element of a list. */
export function text(
  byDefault = '',
  doc = '',
  { max = MAX_TEXT }: Pick<Bounds<number>, 'max'> = {},
): TextOption {
  return { type: 'text', default: byDefault, doc, max };
}
