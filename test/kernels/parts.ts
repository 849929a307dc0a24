/** The parts of the guest's suite, which run one after the other and each leave the agent stopped. */
import type { Hierarchy } from './boots.ts';

/** Value: on which hierarchies it has something to say. */
export const PARTS: Readonly<Record<string, readonly Hierarchy[]>> = {
  collectors: ['unified', 'hybrid', 'legacy'],
  captures: ['unified', 'hybrid', 'legacy'],
  profiles: ['unified', 'legacy'],
  pins: ['unified'],
  delegation: ['unified'],
};

/** @throws Error for what is no part */
export function partsOf(hierarchy: Hierarchy, only?: readonly string[]): string[] {
  for (const part of only ?? [])
    if (!Object.hasOwn(PARTS, part))
      throw new Error(`expected a part (${Object.keys(PARTS).join(', ')}), found ${part}`);
  return Object.keys(PARTS).filter(
    (part) => PARTS[part]!.includes(hierarchy) && (only === undefined || only.includes(part)),
  );
}
