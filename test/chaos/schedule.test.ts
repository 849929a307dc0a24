import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { FAULTS, schedule } from './schedule.ts';

const OPTIONS = { rounds: 2, once_in: 'round', max_pause_ms: 1000 } as const;

test('the same seed gives the same schedule, another seed another one', () => {
  assert.deepEqual(schedule(7, OPTIONS), schedule(7, OPTIONS));
  assert.notDeepEqual(schedule(7, OPTIONS), schedule(8, OPTIONS));
});

test('each round has every fault once, both kills, and two regular ends', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 2 ** 32 - 1 }), fc.integer({ min: 1, max: 4 }), (seed, rounds) => {
      const lives = schedule(seed, { ...OPTIONS, rounds });
      const perRound = lives.length / rounds;
      for (let round = 0; round < rounds; round++) {
        const own = lives.slice(round * perRound, (round + 1) * perRound);
        const faults = own.flatMap(({ steps }) => steps.map(({ fault }) => fault));
        assert.deepEqual(faults.sort(), [...FAULTS].sort());
        assert.deepEqual(own.map(({ end }) => end).sort(), [
          'SIGKILL',
          'SIGKILL, pinned',
          'SIGTERM',
          'SIGTERM',
        ]);
      }
    }),
  );
});

test('each life has every fault once when it is asked to', () => {
  for (const { steps } of schedule(5, { ...OPTIONS, once_in: 'life' }))
    assert.deepEqual(steps.map(({ fault }) => fault).sort(), [...FAULTS].sort());
});

test('only pinned lives are killed as such, and what follows them is pinned, too', () => {
  const lives = schedule(1, OPTIONS);
  for (const [index, { end, pinned }] of lives.entries()) {
    if (end !== 'SIGTERM') assert.equal(pinned, end === 'SIGKILL, pinned');
    if (end === 'SIGKILL, pinned') assert.equal(lives[index + 1]?.pinned, true);
  }
});

test('pauses are bounded', () => {
  for (const { steps, end_after_ms } of schedule(3, OPTIONS))
    for (const pause of [end_after_ms, ...steps.map(({ after_ms }) => after_ms)])
      assert.ok(pause >= 0 && pause < OPTIONS.max_pause_ms);
});
