import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { addPage, createApp, text } from '../../src/web/app.ts';
import { ask, type Reply } from '../support/ask.ts';

const PATHS = ['/', '/echo', '/broken'];
const quiet = (): void => {};

async function dispatch(
  method: string,
  target: string,
  onError: (error: unknown) => void = quiet,
): Promise<{ reply: Reply; route: string }> {
  const counted: string[] = [];
  const app = createApp({ onError, onReply: (name) => counted.push(name) });
  addPage(app, '/', (c) => text(c, 'home'));
  addPage(app, '/echo', (c) => text(c, c.req.query('q') ?? ''));
  addPage(app, '/broken', () => {
    throw new Error('on purpose');
  });
  const reply = await ask(app, method, target);
  assert.equal(counted.length, 1);
  return { reply, route: counted[0] ?? '' };
}

test('the path decides, the query is decoded', async () => {
  const { reply, route } = await dispatch('GET', '/echo?q=a%20b&q=c');
  assert.deepEqual([reply.status, reply.body, route], [200, 'a b', '/echo']);
  assert.equal((await dispatch('HEAD', '/')).reply.status, 200);
});

test('an unknown path is 404 with a JSON error, names of Object.prototype too', async () => {
  for (const path of [
    '/nothing',
    '',
    '*',
    'http://host/nothing',
    '/../etc/passwd',
    'constructor',
    '__proto__',
  ]) {
    const { reply, route } = await dispatch('GET', path);
    assert.equal(reply.status, 404);
    assert.equal(route, 'other');
    assert.equal(JSON.parse(reply.body).error.code, 'NOT_FOUND');
  }
});

test('methods that would change something are 405 and name those allowed', async () => {
  for (const method of ['POST', 'PUT', 'DELETE', 'OPTIONS', '']) {
    const { reply } = await dispatch(method, '/');
    assert.equal(reply.status, 405);
    assert.equal(reply.headers?.allow, 'GET, HEAD');
    assert.equal(JSON.parse(reply.body).error.code, 'METHOD_NOT_ALLOWED');
  }
});

test('a long target is 414', async () => {
  const { reply } = await dispatch('GET', `/echo?q=${'x'.repeat(5000)}`);
  assert.equal(reply.status, 414);
});

test('a handler that fails is 500 and logged', async () => {
  const errors: unknown[] = [];
  const { reply, route } = await dispatch('GET', '/broken', (error) => errors.push(error));
  assert.deepEqual([reply.status, route, errors.length], [500, '/broken', 1]);
  assert.deepEqual(JSON.parse(reply.body), { error: { code: 'INTERNAL', message: 'on purpose' } });
});

test('any target is answered, under a bounded set of route names', async () => {
  await fc.assert(
    fc.asyncProperty(fc.string({ unit: 'binary' }), fc.string(), async (target, method) => {
      const { reply, route } = await dispatch(method, target);
      assert.ok(reply.status >= 200 && reply.status < 600);
      assert.ok(['other', ...PATHS].includes(route));
    }),
  );
});
