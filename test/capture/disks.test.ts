/** `ctx.disks`: bytes of the kernel's maps to what a capture gets. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { captureDisks } from '../../src/capture/disks.ts';
import type { MapBatch } from '../../src/decoder/maps.ts';
import type { ProfileMap } from '../../src/profile/protocol.ts';

type Calls = Parameters<typeof captureDisks>[0];

function file(inode: bigint, device: number): Buffer {
  const bytes = Buffer.alloc(16);
  bytes.writeBigUInt64LE(inode, 0);
  bytes.writeUInt32LE(device, 8);
  return bytes;
}

function user(inode: bigint, pid: number, isKernel: number, isDirect: number): Buffer {
  const bytes = Buffer.alloc(16);
  bytes.writeBigUInt64LE(77n, 0);
  bytes.writeUInt32LE(pid, 8);
  bytes.writeUInt8(isKernel, 12);
  bytes.writeUInt8(isDirect, 13);
  return Buffer.concat([file(inode, 5), bytes]);
}

function numbers(...values: readonly bigint[]): Buffer {
  return Buffer.from(BigUint64Array.from(values).buffer);
}

function words(values: readonly string[], size: number): Buffer {
  return Buffer.concat(values.map((value) => Buffer.concat([Buffer.from(value), Buffer.alloc(size)], size)));
}

function batch(keys: readonly Buffer[], values: readonly Buffer[]): MapBatch {
  return { count: values.length, keys: Buffer.concat(keys), values: Buffer.concat(values) };
}

/** A kernel with these maps. */
function kernel(maps: Partial<Record<ProfileMap, MapBatch>>, log: string[] = []): Calls {
  return {
    diskStart: async (device) => log.push(`start ${device}`),
    profileRead: async (_id, map) => maps[map] ?? batch([], map === 'losses' ? [numbers(0n, 0n)] : []),
    profileEnd: async () => void log.push('end'),
    profileFree: async () => void log.push('free'),
  };
}

const LIMITS = { procfs: '/proc', signal: new AbortController().signal, deadline_seconds: 10 };

test('usages have their process, file with its path, cgroup, bytes and times', async () => {
  const path = words(['lo\u0001g', 'data'], 64);
  const deep = words(Array(16).fill('d'), 64);
  const log: string[] = [];
  const calls = kernel(
    {
      files: batch([file(3n, 5), file(4n, 5)], [Buffer.concat([path], 1024), deep]),
      usages: batch(
        [user(3n, 7, 0, 1), user(0n, 8, 1, 0)],
        [
          Buffer.concat([numbers(1n, 2n, 3n, 4n, 5n, 6n, 7n, 8n, 9n), words(['dd'], 16)]),
          Buffer.concat([numbers(...Array<bigint>(9).fill(0n)), words(['kworker'], 16)]),
        ],
      ),
      losses: batch([], [numbers(2n, 3n)]),
    },
    log,
  );
  const { usages, lost } = await captureDisks(calls, LIMITS).watch(99, 0.1);
  assert.equal(lost, 5);
  assert.deepEqual(log, ['start 99', 'end', 'free']);
  assert.deepEqual(usages[0], {
    ...{ pid: 7, comm: 'dd', isKernel: false, isDirect: true, cgroupId: 77n },
    file: { inode: 3n, device: 5, path: '/data/lo?g' },
    ...{ read_bytes: 1, write_bytes: 2, dirtied_bytes: 3, requests: 4 },
    ...{ q2c_ns: 5, q2c_max_ns: 6, issued: 7, d2c_ns: 8, d2c_max_ns: 9 },
  });
  assert.deepEqual(
    [usages[1]?.pid, usages[1]?.isKernel, usages[1]?.isDirect, usages[1]?.file],
    [8, true, false, undefined],
  );
});

test('requests in flight are the oldest first, and a path that is cut says so', async () => {
  const now = process.hrtime.bigint();
  const bio = (pid: number, age_ns: bigint, issued: bigint, isWrite: number): Buffer => {
    const sizes = Buffer.alloc(8);
    sizes.writeUInt32LE(4096, 0);
    sizes.writeUInt32LE(isWrite, 4);
    return Buffer.concat([user(4n, pid, 0, 0), numbers(now - age_ns, issued), sizes, words(['x'], 16)]);
  };
  const calls = kernel({
    files: batch([file(4n, 5)], [words(Array(16).fill('d'), 64)]),
    in_flight: batch([numbers(1n), numbers(2n)], [bio(1, 10n, 0n, 0), bio(2, 5_000_000_000n, 1n, 1)]),
  });
  const { inFlight } = await captureDisks(calls, LIMITS).watch(99, 0.1);
  assert.deepEqual(
    inFlight.map(({ pid, operation, bytes, isIssued }) => [pid, operation, bytes, isIssued]),
    [
      [2, 'write', 4096, true],
      [1, 'read', 4096, false],
    ],
  );
  assert.ok((inFlight[0]?.age_ns ?? 0) >= 5e9);
  assert.equal(inFlight[0]?.file?.path, `…/${Array(16).fill('d').join('/')}`);
});

test('what the kernel holds is freed when the look fails', async () => {
  const log: string[] = [];
  const calls: Calls = { ...kernel({}, log), profileEnd: () => Promise.reject(new Error('gone')) };
  await assert.rejects(captureDisks(calls, LIMITS).watch(1, 0.1), /gone/);
  assert.deepEqual(log, ['start 1', 'free']);
});
