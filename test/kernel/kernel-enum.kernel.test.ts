/** Enums of the running kernel by the names that KERNEL_ENUM() takes. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readKernelEnum } from '../../src/kernel/kernel-enum.ts';
import { skipWithoutKernelType } from '../support/kernel.ts';

test('names are without the name of their enum, and the first enum of several decides', {
  skip: skipWithoutKernelType('skb_drop_reason'),
}, async () => {
  const reasons = await readKernelEnum('skb_drop_reason');
  assert.equal(reasons['2'], 'NOT_SPECIFIED');
  assert.equal(reasons['0'], 'SKB_NOT_DROPPED_YET');
  const states = await readKernelEnum('tcp_ca_state');
  assert.equal(states['0'], 'TCP_CA_Open');
  const both = await readKernelEnum('skb_drop_reason no_module:no_enum tcp_ca_state');
  assert.deepEqual(both, { ...states, ...reasons });
  assert.deepEqual(await readKernelEnum('no_such_enum'), {});
});
