/** Places for profiles, of which there are few, when the kernel does not give back what one of them held. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { KernelOwner } from '../../src/kernel/object-owner.ts';
import { ProfileOwner } from '../../src/kernel/profile-owner.ts';
import type { ProfileRequest } from '../../src/profile/protocol.ts';
import { HOST_PATHS } from '../support/kernel.ts';

const REQUEST: ProfileRequest = { kind: 'on_cpu', subject: { type: 'host' }, hz: 99, faultsPerSample: 7 };

test('a profile that cannot be freed gives its place to the next one all the same', async (t) => {
  t.mock.getter(KernelOwner.prototype, 'calls', () => ({ load: () => Promise.reject(new Error('load')) }));
  t.mock.method(KernelOwner.prototype, 'release', () => Promise.reject(new Error('release')));
  const { calls } = new ProfileOwner(HOST_PATHS);
  for (let profiles = 0; profiles < 8; profiles++)
    await assert.rejects(calls.profileStart(REQUEST), { message: 'release' });
});
