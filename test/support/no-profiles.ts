/** For captures that take no profile. */
import { HuatuoError } from '../../src/error.ts';
import type { ProfileCalls } from '../../src/profile/protocol.ts';

async function refuse(): Promise<never> {
  throw new HuatuoError('KERNEL_FEATURE_MISSING', {
    expected: 'a kernel',
    found: 'a test without one',
    remedy: 'take profiles in a kernel test',
  });
}

export const NO_PROFILES: ProfileCalls = {
  profileStart: refuse,
  profileBefore: async () => undefined,
  diskStart: refuse,
  profileRead: refuse,
  profileEnd: refuse,
  profileFree: async () => undefined,
  kernelSymbols: refuse,
  processMappings: refuse,
  processFrames: refuse,
};
