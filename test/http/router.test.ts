import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { text } from '../../src/web/reply.ts';
import { dispatch, type Routes, type Sender } from '../../src/web/router.ts';

const routes: Routes = {
  '/': () => text('home'),
  '/echo': (query) => text(query.get('q') ?? ''),
  '/broken': () => {
    throw new Error('on purpose');
  },
};
const LOCAL = { address: '127.0.0.1', origin: undefined };
const quiet = (): void => {};

test('the path decides, the query is decoded', async () => {
  const { reply, route } = await dispatch(routes, 'GET', '/echo?q=a%20b&q=c', LOCAL, quiet);
  assert.deepEqual([reply.status, reply.body, route], [200, 'a b', '/echo']);
  assert.equal((await dispatch(routes, 'HEAD', '/', LOCAL, quiet)).reply.status, 200);
});

test('an unknown path is 404 with a JSON error, names of Object.prototype too', async () => {
  for (const path of ['/nothing', '', '*', 'http://host/', '/../etc/passwd', 'constructor', '__proto__']) {
    const { reply, route } = await dispatch(routes, 'GET', path, LOCAL, quiet);
    assert.equal(reply.status, 404);
    assert.equal(route, 'other');
    assert.equal(JSON.parse(reply.body).error.code, 'NOT_FOUND');
  }
});

test('methods that would change something are 405 and name those allowed', async () => {
  for (const method of ['POST', 'PUT', 'DELETE', 'OPTIONS', '']) {
    const { reply } = await dispatch(routes, method, '/', LOCAL, quiet);
    assert.equal(reply.status, 405);
    assert.equal(reply.headers?.allow, 'GET, HEAD');
    assert.equal(JSON.parse(reply.body).error.code, 'METHOD_NOT_ALLOWED');
  }
});

test('a long target is 414', async () => {
  const { reply } = await dispatch(routes, 'GET', `/echo?q=${'x'.repeat(5000)}`, LOCAL, quiet);
  assert.equal(reply.status, 414);
});

test('a handler that fails is 500 and logged', async () => {
  const errors: unknown[] = [];
  const { reply, route } = await dispatch(routes, 'GET', '/broken', LOCAL, (error) => errors.push(error));
  assert.deepEqual([reply.status, route, errors.length], [500, '/broken', 1]);
  assert.deepEqual(JSON.parse(reply.body), { error: { code: 'INTERNAL', message: 'on purpose' } });
});

test('any target is answered, under a bounded set of route names', async () => {
  await fc.assert(
    fc.asyncProperty(fc.string({ unit: 'binary' }), fc.string(), async (target, method) => {
      const { reply, route } = await dispatch(routes, method, target, LOCAL, quiet);
      assert.ok(reply.status >= 200 && reply.status < 600);
      assert.ok(['other', ...Object.keys(routes)].includes(route));
    }),
  );
});

test('an action is done for a POST of this host, and for nothing else', async () => {
  let done = 0;
  const actions: Routes = { '/-/act': { post: async () => text(`done ${++done}`) } };
  const act = async (method: string, sender: Sender): Promise<number> =>
    (await dispatch(actions, method, '/-/act', sender, quiet)).reply.status;
  assert.equal(await act('POST', LOCAL), 200);
  assert.equal(await act('POST', { address: '::ffff:127.0.0.1', origin: undefined }), 200);
  assert.equal(await act('POST', { address: '::1', origin: undefined }), 200);
  assert.equal(await act('GET', LOCAL), 405);
  for (const address of ['192.0.2.7', '::ffff:192.0.2.7', '2001:db8::1', '', '1270.0.0.1']) {
    assert.equal(await act('POST', { address, origin: undefined }), 403, address);
  }
  assert.equal(await act('POST', { address: '127.0.0.1', origin: 'http://evil.example' }), 403);
  assert.equal(done, 3);
});
