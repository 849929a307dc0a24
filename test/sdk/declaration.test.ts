/** What the compiler knows of a declaration: the assertions are those of `tsc`, and the code is never called. */
import { test } from 'node:test';
import {
  bytes,
  choice,
  count,
  counter,
  decimal,
  defineAutotracing,
  defineEvent,
  defineMetric,
  duration,
  flag,
  integer,
  keyword,
  list,
  type ObjectBinding,
  optional,
  record,
  struct,
  text,
} from '../../src/sdk/index.ts';

/** Compiles when both types are one. */
type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : never;
const same = <A, B>(_: Same<A, B>): void => undefined;

interface Event {
  pid: number;
}

test('options, metrics and documents have the types of their declaration', () => {
  defineAutotracing({
    doc: 'Typed.',
    options: {
      every: duration('10s', 'Time'),
      on: flag(true, 'On'),
      mode: choice(['host', 'all'], 'host', 'Mode'),
      disks: list(text(), 'Disks'),
      sizes: list(count(0, ''), 'Sizes', { default: [1] }),
    },
    metrics: { seen: counter({ help: 'Seen.', labels: ['reason'] }) },
    document: {
      before: bytes('Before'),
      ratio: decimal('Ratio'),
      top: list(struct({ pid: integer('Process'), comm: optional(keyword('Name')) }), 'Top'),
      rows: record(integer(''), 'Rows'),
    },
    async start({ options, metrics, save, state }) {
      same<typeof options.every, number>(true);
      same<typeof options.on, boolean>(true);
      same<typeof options.mode, 'host' | 'all'>(true);
      same<typeof options.disks, readonly string[]>(true);
      same<typeof options.sizes, readonly number[]>(true);
      // @ts-expect-error no such option
      void options.evry;
      metrics.seen.add(1, { reason: 'x' });
      // @ts-expect-error another label
      metrics.seen.add(1, { cause: 'x' });
      await save({
        data: { before: 1n, ratio: 0.5, top: [{ pid: 1 }, { pid: 2, comm: 'a' }], rows: { a: 1 } },
      });
      // @ts-expect-error a text where a size is declared
      await save({ data: { before: '1', ratio: 0.5, top: [], rows: {} } });
      // @ts-expect-error a field that is not there
      await save({ data: { before: 1, ratio: 0.5, top: [] } });
      // @ts-expect-error a severity that does not exist
      await save({ severity: 'fatal', data: { before: 1, ratio: 0.5, top: [], rows: {} } });
      state.set({ runs: state.get<{ runs: number }>()?.runs });
    },
  });
});

const BOUND: ObjectBinding<{ event: Event; options: object; maps: object }> = { object: 'bound' };

test('enrich gives the event with the declared fields', () => {
  defineEvent({
    object: BOUND,
    doc: 'Typed.',
    document: { wchan: keyword('Where it waits') },
    enrich: (event) => ({ ...event, wchan: 'x' }),
  });
  defineEvent({
    object: BOUND,
    doc: 'Typed.',
    document: { wchan: keyword('Where it waits') },
    // @ts-expect-error the declared field is a number
    enrich: (event) => ({ ...event, wchan: 1 }),
  });
  defineEvent({
    object: BOUND,
    doc: 'Typed.',
    enrich(event, ctx) {
      same<typeof event.pid, number>(true);
      ctx.log.info('x');
    },
  });
});

test('samples have the type that take returns', () => {
  defineMetric({
    doc: 'Typed.',
    sample: { every: 1, take: () => ({ jiffies: 1 }) },
    update({ samples }) {
      for (const { state } of samples) same<typeof state.jiffies, number>(true);
    },
  });
});

// @ts-expect-error a default that is none of the words
choice(['a', 'b'], 'c', 'Mode');
