/** Durations and sizes as people write them: a whole number and its unit, `15s`, `64MiB`. */

const NS_PER_UNIT = {
  ns: 1,
  us: 1_000,
  ms: 1_000_000,
  s: 1_000_000_000,
  m: 60_000_000_000,
  h: 3_600_000_000_000,
  d: 86_400_000_000_000,
} as const;

const BYTES_PER_UNIT = {
  B: 1,
  KB: 1e3,
  KiB: 2 ** 10,
  MB: 1e6,
  MiB: 2 ** 20,
  GB: 1e9,
  GiB: 2 ** 30,
  TB: 1e12,
  TiB: 2 ** 40,
} as const;

/** Both patterns stand in the JSON Schema too, so editors refuse what the agent refuses. */
export const DURATION_PATTERN: RegExp = /^(\d{1,16})(ns|us|ms|s|m|h|d)$/;
export const SIZE_PATTERN: RegExp = /^(\d{1,16})(B|KB|KiB|MB|MiB|GB|GiB|TB|TiB)$/;

export const NS_PER_MS = 1_000_000;

/** Nanoseconds of `15s`; undefined when it is no duration or above 2^53 ns (104 days). */
export function parseDuration(text: string): number | undefined {
  return parse(text, DURATION_PATTERN, NS_PER_UNIT);
}

/** Milliseconds of `15s`, of any length in use: for how long ago something was. @returns undefined when it is no duration */
export function parseAge(text: string): number | undefined {
  return parse(text, DURATION_PATTERN, NS_PER_UNIT, NS_PER_MS);
}

/** Bytes of `64MiB`; undefined when it is no size or above 2^53 bytes. */
export function parseSize(text: string): number | undefined {
  return parse(text, SIZE_PATTERN, BYTES_PER_UNIT);
}

/** The shortest text that `parseDuration` turns into the same number. `ns`: whole and not negative. */
export function formatDuration(ns: number): string {
  return format(ns, Object.entries(NS_PER_UNIT), 's');
}

/** The shortest text that `parseSize` turns into the same number. `bytes`: whole and not negative. */
export function formatSize(bytes: number): string {
  return format(bytes, Object.entries(BYTES_PER_UNIT), 'B');
}

/** @param divisor what is divided by; numbers that no double has exactly are none */
function parse(
  text: string,
  pattern: RegExp,
  units: Readonly<Record<string, number>>,
  divisor = 1,
): number | undefined {
  const [, digits, unit] = pattern.exec(text) ?? [];
  if (digits === undefined || unit === undefined) return undefined;
  const value = (Number(digits) * (units[unit] ?? Number.NaN)) / divisor;
  return value <= Number.MAX_SAFE_INTEGER ? value : undefined;
}

function format(value: number, units: readonly (readonly [string, number])[], zeroUnit: string): string {
  if (value === 0) return `0${zeroUnit}`;
  const exact = units
    .filter(([, factor]) => value % factor === 0)
    .map(([unit, factor]) => `${value / factor}${unit}`);
  return exact.reduce((best, text) => (text.length <= best.length ? text : best));
}
