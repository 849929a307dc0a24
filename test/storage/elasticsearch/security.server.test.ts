/**
 * TLS, certificates and secrets, by a proxy of our own in front of a real node: the published jars of Elasticsearch have no security,
 * and the proxy asks for exactly what a node with security asks for.
 */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { certificate, certificateAuthority, type Pair } from '../../containers/sources/kubelet-server.ts';
import { eventually } from '../../support/eventually.ts';
import { FaultProxy } from '../../support/fault-proxy.ts';
import { findServer, SearchServer } from '../../support/search-server/server.ts';
import { config, Shipping, stored } from './fixture.ts';

const found = await findServer('elasticsearch-8');
const skip = 'missing' in found ? found.missing : false;
const { credentials: NONE } = config('');
const SECRET = 'correct horse';

describe('TLS and credentials', { skip }, () => {
  let server: SearchServer;
  let ca: Pair;
  let own: Pair;
  before(async () => {
    server = await SearchServer.start(found);
    ca = await certificateAuthority('test authority');
    own = await certificate(ca, 'node', ['127.0.0.1']);
  });
  after(() => server[Symbol.asyncDispose]());

  /** Files with secrets, in the directory of a test. */
  function file(shipping: Shipping, name: string, text: string): string {
    const path = join(shipping.path, `.${name}`);
    writeFileSync(path, text, { mode: 0o600 });
    return path;
  }

  /** Lets only requests with this header pass. */
  function guard(proxy: FaultProxy, authorization: string): void {
    proxy.fault = ({ headers }) =>
      headers.authorization === authorization
        ? undefined
        : {
            kind: 'status',
            status: 401,
            body: '{"error":{"type":"security_exception","reason":"missing credentials"}}',
          };
  }

  async function failing(shipping: Shipping, message: RegExp): Promise<void> {
    const { error } = await eventually('it to fail', async () => {
      const status = await shipping.status();
      return status.state === 'failing' && status;
    });
    assert.match(error?.message ?? '', message);
  }

  test('a password is read from its file, also after it was changed; it is in no log and no status', async () => {
    await using proxy = await FaultProxy.start(() => server.url, { cert: own.cert, key: own.key });
    guard(proxy, `Basic ${Buffer.from(`huatuo:${SECRET}`).toString('base64')}`);
    await using shipping = new Shipping();
    const passwordFile = file(shipping, 'password', 'wrong battery\n');
    const credentials = { ...NONE, username: 'huatuo', passwordFile, ca: file(shipping, 'ca', ca.cert) };
    shipping.write(20);
    shipping.start(config(proxy.url, { namespace: 'basic', credentials }));
    await failing(
      shipping,
      /HTTP status 401, security_exception: missing credentials; correct user and password/,
    );
    file(shipping, 'password', `${SECRET}\n`);
    await shipping.drained();
    assert.deepEqual(await stored(server, 'logs-huatuo.oom-basic'), { documents: 20, events: 20 });
    const told = JSON.stringify([await shipping.status(), shipping.log.lines]);
    assert.doesNotMatch(told, /battery|horse|Basic/);
  });

  test('an API key; a file that is missing is named', async () => {
    await using proxy = await FaultProxy.start(() => server.url);
    guard(proxy, 'ApiKey aWQ6a2V5');
    await using shipping = new Shipping();
    const apiKeyFile = join(shipping.path, '.key');
    shipping.write(5);
    shipping.start(config(proxy.url, { namespace: 'key', credentials: { ...NONE, apiKeyFile } }));
    await failing(shipping, /to read .*\.key, which elasticsearch\.api_key_file names, found ENOENT/);
    writeFileSync(apiKeyFile, 'aWQ6a2V5\n');
    await shipping.drained();
  });

  test('a server with a certificate of an unknown authority, or of another name, gets no document', async () => {
    const other = await certificate(ca, 'node', ['192.0.2.1']);
    await using shipping = new Shipping();
    shipping.write(5);
    const caFile = file(shipping, 'ca', ca.cert);
    const cases: readonly [Pair, string, RegExp][] = [
      [own, '', /certificate.*set elasticsearch\.ca to the authority/],
      [other, caFile, /altnames.*set elasticsearch\.ca/],
    ];
    for (const [pair, authority, message] of cases) {
      await using proxy = await FaultProxy.start(() => server.url, { cert: pair.cert, key: pair.key });
      shipping.start(config(proxy.url, { namespace: 'tls', credentials: { ...NONE, ca: authority } }));
      await failing(shipping, message);
      await shipping.stop();
      assert.equal(proxy.requests.length, 0);
    }
    await using proxy = await FaultProxy.start(() => server.url, { cert: other.cert, key: other.key });
    shipping.start(config(proxy.url, { namespace: 'tls', credentials: { ...NONE, verify: false } }));
    await shipping.drained();
  });

  test('a client certificate is shown to a server that asks for one', async () => {
    const client = await certificate(ca, 'huatuo', ['huatuo']);
    const asking = { cert: own.cert, key: own.key, ca: ca.cert, requestCert: true, rejectUnauthorized: true };
    await using proxy = await FaultProxy.start(() => server.url, asking);
    await using shipping = new Shipping();
    shipping.write(5);
    const credentials = { ...NONE, ca: file(shipping, 'ca', ca.cert) };
    shipping.start(config(proxy.url, { namespace: 'client', credentials }));
    await eventually('it to fail', async () => (await shipping.status()).state === 'failing');
    await shipping.stop();
    const clientCertificate = file(shipping, 'client', `${client.cert}\n${client.key}`);
    const shown = { ...credentials, clientCertificate };
    shipping.start(config(proxy.url, { namespace: 'client', credentials: shown }));
    await shipping.drained();
  });

  test('of several hosts, those that do not answer are passed over', async () => {
    await using proxy = await FaultProxy.start(() => server.url);
    await using dead = await FaultProxy.start(() => server.url);
    dead.fault = () => ({ kind: 'status', status: 503 });
    await using shipping = new Shipping();
    shipping.write(600);
    const hosts = ['http://127.0.0.1:9', dead.url, proxy.url];
    shipping.start(config('', { hosts, namespace: 'hosts' }));
    await shipping.drained();
    assert.ok(proxy.requests.length > 0);
    assert.equal((await shipping.status()).host, proxy.url);
    assert.deepEqual(await stored(server, 'logs-huatuo.oom-hosts'), { documents: 600, events: 600 });
  });
});
