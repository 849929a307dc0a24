/** Colours of flame graphs: whose code it is, at a glance. */
import type { FlameMode } from '../sdk/flame-tree.ts';

/** Base hue, saturation and lightness; names vary a little around it, each always in the same way. */
const PALETTE: Readonly<Record<FlameMode, readonly [number, number, number]>> = {
  all: [0, 0, 84],
  process: [0, 0, 76],
  user: [32, 88, 68],
  kernel: [208, 62, 74],
  unknown: [0, 0, 90],
  wait: [275, 40, 80],
};

/** For CSS and SVG. */
export function colour(name: string, mode: FlameMode): string {
  const [hue, saturation, lightness] = PALETTE[mode];
  const spread = mode === 'user' || mode === 'kernel' ? (hash(name) % 33) - 16 : 0;
  return `hsl(${hue + spread},${saturation}%,${lightness + (spread % 5)}%)`;
}

function hash(name: string): number {
  let sum = 7;
  for (let index = 0; index < name.length; index++) sum = (sum * 31 + name.charCodeAt(index)) >>> 0;
  return sum;
}
