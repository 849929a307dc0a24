/** Whose a stack of the profile that never ends is. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PROFILE_STACK } from '../../src/generated/agent_structs.ts';
import { cgroupPaths, hierarchyOf, membership, stacksOf, toBatch } from '../../src/profile/rolling-wire.ts';
import { rawStacks } from '../../src/profile/wire.ts';

/** One entry of a window. */
function windowOf(pid: number, cgroup: bigint, isUnified: boolean, samples: bigint) {
  const keys = Buffer.alloc(PROFILE_STACK.size_bytes + 16);
  keys.writeUInt32LE(pid, 0);
  keys.writeBigUInt64LE(cgroup, PROFILE_STACK.size_bytes);
  keys.writeBigUInt64LE(isUnified ? 1n : 0n, PROFILE_STACK.size_bytes + 8);
  return { count: 1, keys, values: Buffer.from(BigUint64Array.of(samples, 0n).buffer) };
}

const PATHS = cgroupPaths([
  {
    count: 2,
    keys: Buffer.from(BigUint64Array.of(30n, 40n).buffer),
    values: Buffer.from(
      BigUint64Array.from([20n, 10n, ...Array(14).fill(0n), 10n, ...Array(15).fill(0n)]).buffer,
    ),
  },
]);

test('a cgroup is itself and what is below it, as far as that was seen', () => {
  const isOf = (inode: bigint) =>
    membership({ type: 'cgroup', hierarchy: 'cpu', inode }, PATHS, 'cpu') ?? assert.fail();
  assert.deepEqual([20n, 30n, 40n, 50n].map(isOf(20n)), [true, true, false, false]);
  assert.deepEqual([30n, 40n, 50n].map(isOf(10n)), [true, true, false]);
});

test('ids of another hierarchy tell nothing; those of v2 are the same for all controllers', () => {
  const subject = { type: 'cgroup', hierarchy: 'memory', inode: 20n } as const;
  assert.equal(membership(subject, PATHS, 'cpu'), undefined);
  assert.equal(membership(subject, PATHS, 'unified')?.(20n), true);
  assert.equal(membership({ ...subject, hierarchy: 'unified' }, PATHS, 'cpu'), undefined);
  assert.equal(membership({ type: 'processes', pids: [1] }, PATHS, 'cpu'), undefined);
  assert.equal(membership({ type: 'host' }, PATHS, 'cpu')?.(99n), true);
  assert.deepEqual(
    [windowOf(1, 20n, false, 1n), windowOf(1, 20n, true, 1n), { ...windowOf(1, 1n, true, 1n), count: 0 }].map(
      hierarchyOf,
    ),
    ['cpu', 'unified', undefined],
  );
});

test('stacks that are kept are those of an ordinary profile', () => {
  const [found] = stacksOf(windowOf(7, 20n, false, 40n), (cgroup) => cgroup === 20n);
  assert.ok(found);
  assert.deepEqual([found.pid, found.samples], [7, 40]);
  const [stack] = rawStacks(toBatch([found]));
  assert.deepEqual([stack?.pid, stack?.samples, stack?.user], [7, 40, []]);
  assert.deepEqual(
    stacksOf(windowOf(7, 20n, false, 40n), () => false),
    [],
  );
});
