import assert from 'node:assert/strict';
import { test } from 'node:test';
import { addPage, createApp, text } from '../../src/web/app.ts';
import { hostGuard, isKnownHost } from '../../src/web/hosts.ts';
import { ask } from '../support/ask.ts';

const NAMES = ['localhost', 'Node-17', 'metrics.example.com', '.shop.example'];

test('addresses and the names of this host are known, however they are written', () => {
  for (const host of [
    '127.0.0.1',
    '192.0.2.7:19704',
    '[::1]:19704',
    '[2001:DB8:0:0::1]',
    'localhost:80',
    'LOCALHOST',
    'node-17:19704',
    'node-17.',
    'metrics.example.com:',
    'a.b.shop.example',
  ])
    assert.equal(isKnownHost(host, NAMES), true, host);
});

test('other names are not, nor what only looks like one of these', () => {
  for (const host of [
    '',
    ':80',
    '@',
    'evil.example',
    'localhost.evil.example',
    'evil-localhost',
    'shop.example',
    'notshop.example',
    '127.0.0.1.evil.example',
    '[localhost]',
    '[::1',
    'localhost:80:80',
    'localhost, evil.example',
    'user@localhost',
  ])
    assert.equal(isKnownHost(host, NAMES), false, host);
});

test('a request by an unknown name is 421 with what to set, before any page; one without a name is served', async () => {
  const app = createApp({ onError: () => {}, onReply: () => {} }, [hostGuard(() => NAMES)]);
  addPage(app, '/', (c) => text(c, 'here'));
  const asked = (headers: Record<string, string>, target = '/') =>
    ask(app, 'GET', target, { address: '127.0.0.1', headers });
  for (const target of ['/', '/nothing']) {
    const refused = await asked({ Host: 'rebound.evil.example:19704' }, target);
    assert.equal(refused.status, 421);
    const { code, message } = JSON.parse(refused.body).error;
    assert.equal(code, 'UNKNOWN_HOST');
    assert.match(message, /"rebound\.evil\.example:19704".*web\.hosts/);
  }
  assert.equal((await asked({ host: 'localhost' })).status, 200);
  assert.equal((await asked({})).status, 200);
});
