/** The slow lane changes what it is told to and nothing else. */
import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { enrichLines, parsePayload, printPayload } from '../../src/collector/enrich.ts';
import type { Log } from '../../src/sdk/context.ts';

function quiet(): Log & { readonly errors: string[] } {
  const errors: string[] = [];
  const drop = (): void => undefined;
  return { errors, debug: drop, info: drop, warn: drop, error: (message) => void errors.push(message) };
}

const HEAD = '{"@timestamp":"2026-01-01T00:00:00.000000001Z","tracer_name":"oom"';
const line = (payload: string): string => `${HEAD},"tracer_data":${payload}}\n`;

test('an event may be changed in place or replaced, and its neighbours stay as they were', async () => {
  const lines = Buffer.from(line('{"n":1}') + line('{"n":2}') + line('{"n":3}'));
  const enriched = await enrichLines(
    lines,
    (event) => {
      if (event.n === 1) event.extra = 'in place';
      return event.n === 2 ? { replaced: true } : undefined;
    },
    quiet(),
  );
  const expected = line('{"n":1,"extra":"in place"}') + line('{"replaced":true}') + line('{"n":3}');
  assert.equal(Buffer.from(enriched).toString(), expected);
});

test('an event whose enrichment fails is written as the kernel gave it', async () => {
  const log = quiet();
  const lines = Buffer.from(line('{"n":1}') + line('{"n":2}'));
  const enriched = await enrichLines(
    lines,
    async (event) => {
      event.half = 'done';
      if (event.n === 1) throw new Error('on purpose');
    },
    log,
  );
  assert.equal(Buffer.from(enriched).toString(), line('{"n":1}') + line('{"n":2,"half":"done"}'));
  assert.equal(log.errors.length, 1);
});

test('integers of 64 bits pass through exactly, as numbers where those are exact', () => {
  assert.deepEqual(parsePayload('{"a":9007199254740993,"b":-9223372036854775808,"c":9007199254740991}'), {
    a: 9007199254740993n,
    b: -9223372036854775808n,
    c: 9007199254740991,
  });
  const integers = fc.bigInt({ min: -(2n ** 63n), max: 2n ** 64n - 1n });
  fc.assert(
    fc.property(fc.array(integers), (values) => {
      const text = `{"v":[${values.join(',')}]}`;
      assert.equal(printPayload(parsePayload(text)), text);
    }),
  );
});

test('any payload survives being parsed and printed', () => {
  fc.assert(
    fc.property(fc.json(), (text) => {
      assert.equal(printPayload(parsePayload(text)), JSON.stringify(JSON.parse(text)));
    }),
  );
});
