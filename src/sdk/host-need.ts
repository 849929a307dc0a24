/** What a collector's subject needs of the host beside programs: data, so that `huatuo list` knows it without running the collector. */
import { existsSync } from 'node:fs';
import { release } from 'node:os';
import { join } from 'node:path';
import { HuatuoError } from '../error.ts';
import type { HostPaths } from './context.ts';

export interface HostNeed {
  /** What it is: `the bonding driver`. */
  readonly what: string;
  /** It is there, or may come, where one of these is: `sysfs:module/bonding`, `procfs:modules`. */
  readonly anyOf: readonly string[];
  /** What to do about it. */
  readonly remedy: string;
}

/** @returns KERNEL_FEATURE_MISSING, or undefined where it is there */
export function lackOf({ what, anyOf, remedy }: HostNeed, paths: HostPaths): HuatuoError | undefined {
  const isThere = (place: string): boolean => {
    const [root = '', file = ''] = place.split(':');
    return existsSync(join(root === 'procfs' ? paths.procfs : paths.sysfs, file));
  };
  if (anyOf.some(isThere)) return undefined;
  const found = `Linux ${release()} without it, and without modules`;
  return new HuatuoError('KERNEL_FEATURE_MISSING', { expected: `a kernel with ${what}`, found, remedy });
}
