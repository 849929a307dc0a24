import assert from 'node:assert/strict';
import { test } from 'node:test';
import { hashSync } from 'bcryptjs';
import { BasicAuth } from '../../src/web/basic-auth.ts';

const USERS: Record<'scraper' | 'other', string> = {
  scraper: hashSync('right:with colon', 4),
  other: hashSync('else', 4),
};
const basic = (user: string, password: string): string =>
  `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`;
const RIGHT = basic('scraper', 'right:with colon');

test('a right password passes, and is compared once', async () => {
  const auth = new BasicAuth();
  for (let i = 0; i < 20; i++) assert.equal(await auth.check(USERS, RIGHT, '192.0.2.1'), 'passed');
  assert.equal(auth.compared, 1);
});

test('a changed hash is compared again, and a removed user does not pass by having passed', async () => {
  const auth = new BasicAuth();
  assert.equal(await auth.check(USERS, RIGHT, '::1'), 'passed');
  assert.equal(await auth.check({ ...USERS, scraper: hashSync('new', 4) }, RIGHT, '::1'), 'refused');
  assert.equal(await auth.check({ other: USERS.other }, RIGHT, '::1'), 'refused');
});

test('an unknown user, another user, a wrong password and no password are refused; unknown names cost a comparison too', async () => {
  const auth = new BasicAuth();
  for (const header of [
    basic('nobody', 'right:with colon'),
    basic('__proto__', ''),
    basic('other', 'right:with colon'),
    basic('scraper', ''),
    basic('scraper', `right:with colon${'x'.repeat(80)}`),
  ])
    assert.equal(await auth.check(USERS, header, '192.0.2.1'), 'refused', header);
  assert.equal(auth.compared, 5);
  for (const header of [undefined, '', 'Basic', 'Basic ====', 'Bearer abc', `Basic ${'A'.repeat(10)}`])
    assert.equal(await auth.check(USERS, header, '192.0.2.1'), 'refused', String(header));
  assert.equal(auth.compared, 5);
});

test('ten failures lock an address out, not another one, and not who has passed before', async () => {
  const auth = new BasicAuth();
  assert.equal(await auth.check(USERS, RIGHT, '192.0.2.1'), 'passed');
  for (let i = 0; i < 10; i++)
    assert.equal(await auth.check(USERS, basic('scraper', `guess ${i}`), '192.0.2.1'), 'refused');
  assert.equal(await auth.check(USERS, basic('scraper', 'guess'), '192.0.2.1'), 'too_many');
  assert.equal(auth.compared, 11);
  assert.equal(await auth.check(USERS, RIGHT, '192.0.2.1'), 'passed');
  assert.equal(await auth.check(USERS, basic('other', 'else'), '192.0.2.2'), 'passed');
});

test('of many guesses at once only a few wait', async () => {
  const auth = new BasicAuth();
  const asked = Array.from({ length: 50 }, (_, i) =>
    auth.check(USERS, basic('scraper', `guess ${i}`), `192.0.2.${i}`),
  );
  const outcomes = Map.groupBy(await Promise.all(asked), (outcome) => outcome);
  assert.equal(outcomes.get('refused')?.length, 8);
  assert.equal(outcomes.get('busy')?.length, 42);
});
