/** The files a profile can be written to, by the ends of their names. */
import type { Profile } from '../sdk/profile.ts';
import { flameHtml } from './flame-html.ts';
import { flameSvg } from './flame-svg.ts';
import { foldedText } from './folded.ts';
import { pprofFile } from './pprof.ts';
import { speedscopeFile } from './speedscope.ts';

const FORMATS = {
  '.html': flameHtml,
  '.svg': flameSvg,
  '.pprof': pprofFile,
  '.pb.gz': pprofFile,
  '.folded': foldedText,
  '.speedscope.json': speedscopeFile,
} as const satisfies Readonly<Record<string, (profile: Profile) => string | Uint8Array>>;

export const FORMAT_NAMES: string = Object.keys(FORMATS).join(', ');

/** @returns undefined for another end of a name */
export function formatOf(file: string): ((profile: Profile) => string | Uint8Array) | undefined {
  return Object.entries(FORMATS).find(([end]) => file.endsWith(end))?.[1];
}
