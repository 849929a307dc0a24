/** Profiles in documents. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { flameTree } from '../../src/sdk/flame-tree.ts';
import { profileDocument } from '../../src/sdk/profile-document.ts';
import { profileOf, stackOf } from '../profile/profiles.ts';

test('the flame graph has parents before children, in samples of CPU time, with what is a function’s own', () => {
  const { flamedata, profile } = profileDocument(
    profileOf([stackOf('shop;main;parse', 60), stackOf('shop;main', 30), stackOf('shop;main;read_[k]', 10)], {
      lost: 3,
    }),
  );
  assert.deepEqual(
    flamedata.map(({ level, label, value, self }) => `${' '.repeat(level)}${label} ${value} ${self}`),
    ['all 100 0', ' shop 100 0', '  main 100 30', '   parse 60 60', '   read_[k] 10 10'],
  );
  assert.deepEqual(profile, {
    ...{ kind: 'on_cpu', unit: 'samples', seconds: 10, samples: 100, lost: 3 },
    ...{ frames: 170, unknown_frames: 0, pruned: 0, pruned_frames: 0 },
  });
});

test('waits are nanoseconds, and say what for', () => {
  const waits = profileOf([stackOf('a;lock', 2, 'uninterruptible'), stackOf('a;lock', 1, 'run_queue')], {
    kind: 'off_cpu',
  });
  const { flamedata, profile } = profileDocument(waits);
  assert.equal(profile.unit, 'nanoseconds');
  assert.deepEqual(
    flamedata.slice(3).map(({ label, value }) => [label, value]),
    [
      ['sleeps uninterruptibly', 2e7],
      ['waits for a CPU', 1e7],
    ],
  );
});

test('less than a thousandth is left out, and how much that was is said; sums stay', () => {
  const { flamedata, profile } = profileDocument(
    profileOf([stackOf('a;hot', 2990), stackOf('a;rare;deeper', 2), stackOf('a;small', 8)]),
  );
  assert.deepEqual(
    flamedata.map(({ label }) => label),
    ['all', 'a', 'hot', 'small'],
  );
  assert.equal(flamedata[1]?.value, 3000);
  assert.deepEqual([profile.pruned, profile.pruned_frames], [2, 2]);
});

test('a document is bounded, whatever the stacks: many of a thousandth each, deep ones, long names', () => {
  const deep = Array.from({ length: 800 }, (_, index) =>
    stackOf(
      `app;${Array.from({ length: 180 }, (_, depth) => `${'f'.repeat(400)}${index}_${depth}`).join(';')}`,
      1,
    ),
  );
  const { flamedata, profile } = profileDocument(profileOf(deep));
  assert.ok(flamedata.length <= 2048, `${flamedata.length}`);
  assert.ok(JSON.stringify(flamedata).length < 700_000);
  assert.equal(flamedata[0]?.value, 800);
  assert.ok(profile.pruned_frames > 100_000);
});

test('before and since the trigger stand side by side, as wide as they have samples, with the time and samples of each', () => {
  const before = profileOf([stackOf('burner;hot', 90), stackOf('shop;main', 5)], { seconds: 20, lost: 2 });
  const after = profileOf([stackOf('shop;main', 5)], { seconds: 10 });
  const { flamedata, profile } = profileDocument({ before, after });
  assert.deepEqual(
    flamedata.map(({ level, label, value, self }) => `${' '.repeat(level)}${label} ${value} ${self}`),
    [
      'all 100 0',
      ...[' before the trigger 95 0', '  burner 90 0', '   hot 90 90', '  shop 5 0', '   main 5 5'],
      ...[' since the trigger 5 0', '  shop 5 0', '   main 5 5'],
    ],
  );
  const { seconds, lost, before_seconds, before_samples, after_seconds, after_samples } = profile;
  assert.deepEqual([seconds, lost], [30, 2]);
  assert.deepEqual([before_seconds, before_samples, after_seconds, after_samples], [20, 95, 10, 5]);
});

test('of a subject that had ended there is what was before alone, and nothing is said of later', () => {
  const before = profileOf([stackOf('burner;hot', 90)], { seconds: 20 });
  const { profile } = profileDocument({ before });
  assert.deepEqual([profile.seconds, profile.before_samples, 'after_samples' in profile], [20, 90, false]);
  const { profile: plain } = profileDocument({ after: before });
  assert.ok(!('before_seconds' in plain) && !('after_seconds' in plain));
});

test('an empty profile is a root alone', () => {
  assert.deepEqual(profileDocument(profileOf([])).flamedata, [{ level: 0, value: 0, self: 0, label: 'all' }]);
  assert.equal(flameTree(profileOf([]), 1).nodes, 1);
});
