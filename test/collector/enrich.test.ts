/** The slow lane changes what it is told to and nothing else. */
import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { type EnrichEvent, enrichLines } from '../../src/collector/enrich.ts';
import type { Log } from '../../src/sdk/context.ts';

interface Enriched {
  readonly text: string;
  readonly failed: number;
  readonly errors: readonly object[];
}

async function enriched(text: string, enrich: EnrichEvent, limit_bytes = 1 << 20): Promise<Enriched> {
  const errors: object[] = [];
  let failed = 0;
  const drop = (): void => undefined;
  const log: Log = {
    debug: drop,
    info: drop,
    warn: drop,
    error: (_, detail) => void errors.push(detail ?? {}),
  };
  const options = { enrich, log, limit_bytes, failed: () => void failed++ };
  const lines = await enrichLines(Buffer.from(text), options);
  return { text: Buffer.concat(lines).toString(), failed, errors };
}

const HEAD = '{"@timestamp":"2026-01-01T00:00:00.000000001Z","event_id":"boot-oom-7-00000000000001f8"';
const line = (payload: string): string => `${HEAD},"tracer_data":${payload}}\n`;

test('an event may be changed in place or replaced, and its neighbours stay as they were', async () => {
  const { text, failed } = await enriched(line('{"n":1}') + line('{"n":2}') + line('{"n":3}'), (event) => {
    if (event.n === 1) event.extra = 'in place';
    return event.n === 2 ? { replaced: true } : undefined;
  });
  assert.equal(text, line('{"n":1,"extra":"in place"}') + line('{"replaced":true}') + line('{"n":3}'));
  assert.equal(failed, 0);
});

const FAILURES: readonly (readonly [what: string, enrich: (event: Record<string, unknown>) => unknown])[] = [
  [
    'throws',
    () => {
      throw new Error('on purpose');
    },
  ],
  ['returns text', () => 'text'],
  ['returns a list', () => [1]],
  ['returns a function', () => () => 1],
  ['makes a circle', (event) => Object.assign(event, { event })],
  ['says it is nothing', () => ({ toJSON: () => undefined })],
  ['makes more of it than the journal takes', (event) => ({ ...event, x: 'y'.repeat(2 << 20) })],
];
for (const [what, enrich] of FAILURES)
  test(`an event whose enrich ${what} is written as the kernel gave it, named and counted, and the next goes on`, async () => {
    const { text, failed, errors } = await enriched(line('{"n":1}') + line('{"n":2}'), (event) =>
      event.n === 1 ? enrich(event) : { ...event, half: 'done' },
    );
    assert.equal(text, line('{"n":1}') + line('{"n":2,"half":"done"}'));
    assert.equal(failed, 1);
    assert.deepEqual(
      errors.map((detail) => 'event_id' in detail && detail.event_id),
      ['boot-oom-7-00000000000001f8'],
    );
  });

test('a container with a label of the name of the payload is no payload', async () => {
  const labelled = `${HEAD},"container_labels":{"a":"b","tracer_data":"c"},"tracer_data":{"n":1}}\n`;
  const { text } = await enriched(labelled, (event) => ({ ...event, more: true }));
  assert.equal(text, labelled.replace('{"n":1}', '{"n":1,"more":true}'));
});

test('whatever enrich adds, the line is one JSON object', async () => {
  await fc.assert(
    fc.asyncProperty(fc.anything({ withBigInt: true, withDate: true }), async (added) => {
      const { text } = await enriched(line('{"n":1}'), () => added);
      assert.equal(text.indexOf('\n'), text.length - 1);
      assert.equal(typeof JSON.parse(text).tracer_data, 'object');
    }),
  );
});
