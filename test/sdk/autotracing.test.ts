import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PACE } from '../../src/sdk/autotracing.ts';
import { bytes, count, defineAutotracing, duration, keyword } from '../../src/sdk/index.ts';

const own = {
  doc: 'A test',
  options: { cooldown: duration('5m', 'Own'), most: count(3, 'Own') },
  document: { used_bytes: bytes('Used') },
};

test('a declaration has the options of every autotracer; its own default counts', () => {
  const { options, document, kind } = defineAutotracing({
    ...own,
    sample: () => [['host', 1]],
    trigger: () => undefined,
    capture: () => ({ used_bytes: 1 }),
  });
  assert.deepEqual(options, { ...PACE, ...own.options });
  assert.deepEqual(Object.keys(document), ['used_bytes', 'partial']);
  assert.equal(kind, 'autotracing');
});

test('what sample and trigger return is known to what follows, and wrong names do not compile', () => {
  defineAutotracing({
    ...own,
    sample: () => [['host', { used: 1 }]],
    trigger({ newest, oldest }, { most, every, cooldown }) {
      // @ts-expect-error no such state
      newest.state.free;
      const isMore = newest.state.used > oldest.state.used + most;
      return isMore ? { used_bytes: newest.state.used, seconds: every + cooldown } : undefined;
    },
    // @ts-expect-error `seconds` is there, `minutes` is not
    capture: (_subject, { used_bytes, minutes }) => ({ used_bytes, minutes }),
  });
  defineAutotracing({
    ...own,
    document: { used_bytes: bytes('Used'), who: keyword('Who') },
    // @ts-expect-error a declared field is missing in what capture returns
    sample: () => [['host', 1]],
    trigger: ({ newest }) => ({ used_bytes: newest.state }),
    capture: (_subject, why) => why,
  });
  defineAutotracing({
    ...own,
    options: { every: count(1, 'Own') },
    // @ts-expect-error the pace is a duration
    sample: () => [['host', 1]],
    trigger: () => undefined,
    capture: () => ({ used_bytes: 1 }),
  });
});

test('a collector that has the loop itself stays as it is', async () => {
  const collector = defineAutotracing({ ...own, start: async () => {} });
  assert.deepEqual(Object.keys(collector).toSorted(), ['doc', 'document', 'kind', 'options', 'start']);
});
