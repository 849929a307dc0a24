import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import test from 'node:test';
import fc from 'fast-check';
import { CONTROL, decoderRegions, LIMITS, REGIONS_START } from '../../src/decoder/memory.ts';
import { at } from '../../src/paths.ts';

const SIZES = { ringBytes: 1 << 20, pageBytes: 4096, outputBytes: 1 << 20, recordBytes: 200 };

test('module and host agree on every field of the control block and on every bound', () => {
  const source = readFileSync(at('wasm/memory.ts'), 'utf8');
  const constants = source.matchAll(/^export const (\w+): usize = (\d+);$/gm);
  const ofModule = Object.fromEntries([...constants].map(([, name, value]) => [name, Number(value)]));
  assert.deepEqual(ofModule, { ...CONTROL, ...LIMITS });
});

test('no two fields of the control block share a byte, and 64-bit ones are aligned', () => {
  const wide = new Set(['READ_POSITION', 'WALL_OFFSET_NS', 'CORRUPT_POSITION', 'CORRUPT_FOUND']);
  for (const name of ['ENVELOPE_SECOND', 'WALK_SUM']) wide.add(name);
  let end = 0;
  for (const [name, offset] of Object.entries(CONTROL)) {
    const bytes = wide.has(name) ? 8 : 4;
    assert.ok(offset >= end && offset % bytes === 0, name);
    end = offset + bytes;
  }
});

const sizes = fc.record({
  ringBytes: fc.integer({ min: 16, max: 26 }).map((power) => 2 ** power),
  pageBytes: fc.constantFrom(4096, 16_384, 65_536),
  outputBytes: fc.integer({ min: 1, max: 1 << 24 }),
  recordBytes: fc.integer({ min: 8, max: 1 << 17 }),
});

test('regions start at pages, follow each other, do not overlap and fit into the memory', () => {
  fc.assert(
    fc.property(sizes, (wanted) => {
      const { totalBytes, ...regions } = decoderRegions(wanted);
      let end = REGIONS_START;
      for (const [name, region] of Object.entries(regions)) {
        assert.equal(region.offset % wanted.pageBytes, 0, name);
        assert.ok(region.offset >= end, name);
        end = region.offset + region.bytes;
      }
      assert.equal(totalBytes % 65_536, 0);
      assert.ok(totalBytes >= end + 128, 'room behind the output');
    }),
  );
});

test('producer page and data follow the consumer page as they do in the file of the map', () => {
  fc.assert(
    fc.property(sizes, (wanted) => {
      const { consumer, producer, data, dataAgain } = decoderRegions(wanted);
      assert.equal(producer.offset, consumer.offset + wanted.pageBytes);
      assert.equal(data.offset, producer.offset + wanted.pageBytes);
      assert.equal(data.bytes, wanted.ringBytes);
      assert.equal(dataAgain.offset, data.offset + data.bytes);
      assert.ok(
        dataAgain.bytes >= Math.min(wanted.ringBytes, 8 + wanted.recordBytes),
        'room for a record that wraps',
      );
    }),
  );
});

for (const [name, wrong] of Object.entries({
  'a ring that is no power of two': { ringBytes: 12_288 },
  'a ring smaller than a page': { ringBytes: 4096, pageBytes: 16_384 },
  'pages larger than the sharedMemory of the regions': { pageBytes: 131_072, ringBytes: 1 << 20 },
  'a ring too large to be mapped': { ringBytes: 2 ** 31 },
})) {
  test(`${name} is refused`, () => {
    assert.throws(() => decoderRegions({ ...SIZES, ...wrong }), { code: 'MAP_FAILED' });
  });
}
