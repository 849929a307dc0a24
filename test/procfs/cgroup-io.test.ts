import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { parseIoStat, parseV1Io, readCgroupIo } from '../../src/procfs/cgroup-io.ts';
import { FixtureProc } from '../support/fixture-proc.ts';

const V2 =
  '8:0 rbytes=4096 wbytes=8192 rios=1 wios=2 dbytes=512 dios=3\n253:4 rbytes=1 wbytes=0 rios=1 wios=0 dbytes=0 dios=0\n';
const V1_BYTES =
  '8:0 Read 4096\n8:0 Write 8192\n8:0 Sync 12288\n8:0 Async 0\n8:0 Discard 512\n8:0 Total 12800\nTotal 12800\n';
const V1_COUNTS = '8:0 Read 1\n8:0 Write 2\n8:0 Sync 3\n8:0 Async 0\n8:0 Discard 3\n8:0 Total 6\nTotal 6\n';
const SDA = {
  device: '8:0',
  read_bytes: 4096,
  written_bytes: 8192,
  discarded_bytes: 512,
  reads: 1,
  writes: 2,
  discards: 3,
};

test('v1 and v2 tell the same', () => {
  assert.deepEqual(parseIoStat(V2)[0], SDA);
  assert.equal(parseIoStat(V2).length, 2);
  assert.deepEqual(parseV1Io(V1_BYTES, V1_COUNTS), [SDA]);
});

test('keys of controllers and of later kernels are passed over, and a disk without any value', () => {
  assert.deepEqual(parseIoStat('8:0 rbytes=4096 cost.vrate=100.00 cost.usage=7 use_delay=0\n8:16 \n8:32\n'), [
    { ...SDA, written_bytes: 0, discarded_bytes: 0, reads: 0, writes: 0, discards: 0 },
  ]);
});

test('v1 before Linux 5.0 has no recursive files; a cgroup without either has used no disk', () => {
  using files = new FixtureProc();
  const blkio = files.write('v1/blkio.throttle.io_service_bytes', V1_BYTES);
  files.write('v1/blkio.throttle.io_serviced', V1_COUNTS);
  assert.deepEqual(readCgroupIo({ blkio }), [SDA]);
  files.write('v1/blkio.throttle.io_service_bytes_recursive', V1_BYTES.replace('Read 4096', 'Read 40960'));
  assert.equal(readCgroupIo({ blkio })[0]?.read_bytes, 40_960);
  assert.deepEqual(readCgroupIo({ unified: `${blkio}/gone` }), []);
  assert.deepEqual(readCgroupIo({}), []);
});

test('any text is read', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      parseIoStat(text);
      parseV1Io(text, text);
    }),
  );
});
