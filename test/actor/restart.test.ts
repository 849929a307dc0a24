import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { type ExitKind, RestartPolicy, type RestartSpec, type Verdict } from '../../src/actor/restart.ts';

const SPEC: RestartSpec = {
  restart: 'permanent',
  intensity: 3,
  window_ms: 10_000,
  backoffMin_ms: 100,
  backoffMax_ms: 1000,
  calm_ms: 60_000,
  failedRetry_ms: 300_000,
};

/** One exit: when, how, after how long a life, and what follows: `+ms` restart, `!ms` failed, or another verdict. */
type Exit = readonly [at_ms: number, kind: ExitKind, up_ms: number, verdict: string];

const show = (verdict: Verdict): string => {
  if (verdict.next === 'restart') return `+${verdict.delay_ms}`;
  return verdict.next === 'failed' ? `!${verdict.delay_ms}` : verdict.next;
};

const CASES: readonly {
  readonly name: string;
  readonly spec?: Partial<RestartSpec>;
  readonly exits: readonly Exit[];
}[] = [
  {
    name: 'the delay doubles up to its bound',
    spec: { intensity: 100 },
    exits: [
      [0, 'fault', 1, '+100'],
      [1, 'fault', 1, '+200'],
      [2, 'fault', 1, '+400'],
      [3, 'fault', 1, '+800'],
      [4, 'fault', 1, '+1000'],
      [5, 'fault', 1, '+1000'],
    ],
  },
  {
    name: 'more exits in the window than the intensity make it failed, and it stays on the slow pace',
    exits: [
      [0, 'fault', 1, '+100'],
      [1000, 'fault', 1, '+200'],
      [2000, 'fault', 1, '+400'],
      [3000, 'fault', 1, '!300000'],
      [303_000, 'fault', 1, '!300000'],
    ],
  },
  {
    name: 'exits older than the window no longer count',
    exits: [
      [0, 'fault', 1, '+100'],
      [6000, 'fault', 1, '+200'],
      [12_000, 'fault', 1, '+400'],
      [18_000, 'fault', 1, '+800'],
      [24_000, 'fault', 1, '+1000'],
    ],
  },
  {
    name: 'an exit is out of the window once it is as old as the window is long',
    spec: { intensity: 1 },
    exits: [
      [0, 'fault', 1, '+100'],
      [10_000, 'fault', 1, '+200'],
      [19_999, 'fault', 1, '!300000'],
    ],
  },
  {
    name: 'a calm life starts over with the shortest delay',
    exits: [
      [0, 'fault', 1, '+100'],
      [1, 'fault', 1, '+200'],
      [60_002, 'fault', 60_000, '+100'],
      [60_003, 'fault', 59_999, '+200'],
    ],
  },
  {
    name: 'a calm life heals a failed child',
    spec: { intensity: 1 },
    exits: [
      [0, 'fault', 1, '+100'],
      [1, 'fault', 1, '!300000'],
      [360_000, 'fault', 59_999, '!300000'],
      [720_000, 'fault', 60_000, '+100'],
    ],
  },
  { name: 'a permanent fault is never retried', exits: [[0, 'permanent_fault', 1, 'unsupported']] },
  {
    name: 'permanent: a normal end is restarted too',
    exits: [[0, 'normal', 1, '+100']],
  },
  {
    name: 'transient: only faults are restarted',
    spec: { restart: 'transient' },
    exits: [
      [0, 'fault', 1, '+100'],
      [1, 'normal', 1, 'stopped'],
    ],
  },
  {
    name: 'temporary: nothing is restarted',
    spec: { restart: 'temporary' },
    exits: [[0, 'fault', 1, 'stopped']],
  },
];

for (const { name, spec, exits } of CASES) {
  test(name, () => {
    // The largest random number below 1 gives the whole delay, after rounding.
    const policy = new RestartPolicy({ ...SPEC, ...spec }, () => 1 - Number.EPSILON);
    const verdicts = exits.map(([at_ms, kind, up_ms]) => show(policy.onExit(kind, at_ms, up_ms)));
    assert.deepEqual(
      verdicts,
      exits.map(([, , , verdict]) => verdict),
    );
  });
}

test('the jitter takes away at most half of a delay', () => {
  const delays = [0, 0.5, 1 - Number.EPSILON].map((random) =>
    show(new RestartPolicy(SPEC, () => random).onExit('fault', 0, 1)),
  );
  assert.deepEqual(delays, ['+50', '+75', '+100']);
});

test('whatever happens, delays are within bounds, and restarts in one window within the intensity', () => {
  const exits = fc.array(fc.record({ pause_ms: fc.nat(4000), up_ms: fc.nat(70_000) }), { maxLength: 60 });
  fc.assert(
    fc.property(exits, fc.nat(5), (list, intensity) => {
      const policy = new RestartPolicy({ ...SPEC, intensity });
      const restarts: number[] = [];
      let now_ms = 0;
      for (const { pause_ms, up_ms } of list) {
        now_ms += pause_ms;
        const verdict = policy.onExit('fault', now_ms, up_ms);
        if (verdict.next === 'restart') {
          assert.ok(verdict.delay_ms >= SPEC.backoffMin_ms / 2 && verdict.delay_ms <= SPEC.backoffMax_ms);
          restarts.push(now_ms);
        } else assert.deepEqual(verdict, { next: 'failed', delay_ms: SPEC.failedRetry_ms });
        const recent = restarts.filter((at_ms) => now_ms - at_ms < SPEC.window_ms);
        assert.ok(recent.length <= intensity);
      }
    }),
  );
});
