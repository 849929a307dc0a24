/** A profile in words. */
import type { Profile, ProfileKind } from '../sdk/profile.ts';

const HEADLINES: Readonly<Record<ProfileKind, string>> = {
  on_cpu: 'CPU time',
  off_cpu: 'Waiting: blocked, and on the run queue',
  allocations: 'Memory that came into use (page faults)',
  block: 'Waiting for I/O',
  page_cache: 'Page cache that was filled',
  slab: 'Objects of the kernel that were made and stay',
};

export function headline({ kind }: Pick<Profile, 'kind'>): string {
  return HEADLINES[kind];
}

/** `1,234 samples in 10.0 s; 0 lost (0 %); 12 of 9,876 frames without a name (0.1 %)` */
export function subtitle({ samples, lost, seconds, frames, unknown_frames }: Profile): string {
  return (
    `${count(samples)} samples in ${seconds.toFixed(1)} s; ${count(lost)} lost (${percent(lost, samples)}); ` +
    `${count(unknown_frames)} of ${count(frames)} frames without a name (${percent(unknown_frames, frames)})`
  );
}

/** A value of the profile: `1.25 s`, `4.0 MiB`. */
export function amount({ unit }: Pick<Profile, 'unit'>, value: number): string {
  return unit === 'bytes' ? scaled(value, BYTES) : scaled(value, NANOSECONDS);
}

const BYTES = [
  [2 ** 30, 'GiB'],
  [2 ** 20, 'MiB'],
  [2 ** 10, 'KiB'],
  [1, 'B'],
] as const;
const NANOSECONDS = [
  [1e9, 's'],
  [1e6, 'ms'],
  [1e3, 'µs'],
  [1, 'ns'],
] as const;

function scaled(value: number, units: readonly (readonly [number, string])[]): string {
  // Three digits may round it up to the next unit, which it is written in then: 1.00 s.
  const digits = (size: number): number => Number((value / size).toPrecision(3));
  const [size, name] = units.find(([least]) => digits(least) >= 1) ?? units.at(-1)!;
  const shown = digits(size);
  return `${shown < 1000 ? shown.toPrecision(3) : shown} ${name}`;
}

function count(number: number): string {
  return number.toLocaleString('en-US');
}

export function percent(part: number, whole: number): string {
  if (whole === 0 || part === 0) return '0 %';
  const share = (part / whole) * 100;
  return share < 0.1 ? '< 0.1 %' : `${share.toFixed(1)} %`;
}
