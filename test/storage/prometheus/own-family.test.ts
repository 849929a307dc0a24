/** Families that are made anew for each scrape: their text is sent when the asker does not have it. */
import assert from 'node:assert/strict';
import test from 'node:test';
import { gauge, OwnAnswers, type OwnFamily } from '../../../src/storage/prometheus/own-family.ts';
import { AnswerReader } from '../../../src/storage/prometheus/reader.ts';
import { familiesOfReading } from '../../support/families.ts';

const up = (value: number, actor = 'oom'): OwnFamily =>
  gauge('huatuo_up', 'Whether it is.', [{ labels: { actor }, value }]);

test('text goes with an answer when it is another one, or the asker does not have it', () => {
  const answers = new OwnAnswers();
  const reader = new AnswerReader();
  const ask = (...families: OwnFamily[]): [hasText: boolean, shown: string[]] => {
    const answer = answers.answer(families, reader.token);
    const shown = familiesOfReading(reader.read(answer)).flatMap(({ name, samples }) =>
      samples.map(({ labels, value }) => `${name} ${labels.actor} ${value}`),
    );
    return [answer.families !== undefined, shown];
  };
  assert.deepEqual(ask(up(1)), [true, ['huatuo_up oom 1']]);
  assert.deepEqual(ask(up(0)), [false, ['huatuo_up oom 0']]);
  assert.deepEqual(ask(up(1, 'ras')), [true, ['huatuo_up ras 1']]);
  assert.deepEqual(ask(), [true, []]);
  assert.deepEqual(ask(up(1)), [true, ['huatuo_up oom 1']]);
  assert.ok(answers.answer([up(1)]).families, 'a thread that begins anew has none');
});
