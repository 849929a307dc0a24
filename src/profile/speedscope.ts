/** A profile as https://speedscope.app reads it (https://www.speedscope.app/file-format-schema.json). */
import type { Profile, ProfileStack } from '../sdk/profile.ts';
import { headline } from './summary.ts';

interface Frame {
  readonly name: string;
  readonly file?: string;
}

/** @returns JSON text */
export function speedscopeFile(profile: Profile): string {
  const frames: Frame[] = [];
  const known = new Map<string, number>();
  const indexOf = (frame: Frame): number => {
    const key = `${frame.file ?? ''}\n${frame.name}`;
    const index = known.get(key) ?? frames.push(frame) - 1;
    known.set(key, index);
    return index;
  };
  const stacks = profile.stacks.filter(({ value }) => value > 0);
  const samples = stacks.map((stack) => framesOf(profile, stack).map(indexOf));
  const weights = stacks.map(({ value }) => Math.round(value));
  return JSON.stringify({
    $schema: 'https://www.speedscope.app/file-format-schema.json',
    exporter: 'huatuo',
    name: headline(profile),
    shared: { frames },
    profiles: [
      {
        type: 'sampled',
        name: headline(profile),
        unit: profile.unit,
        startValue: 0,
        endValue: weights.reduce((sum, weight) => sum + weight, 0),
        samples,
        weights,
      },
    ],
  });
}

function framesOf({ kind }: Profile, { comm, state, frames }: ProfileStack): Frame[] {
  const functions = frames.map(({ name, module }) => (module === '' ? { name } : { name, file: module }));
  return [{ name: comm }, ...functions, ...(kind === 'off_cpu' ? [{ name: `[${state}]` }] : [])];
}
