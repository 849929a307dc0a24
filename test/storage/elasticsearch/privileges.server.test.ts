/** OpenSearch with its security plugin: real users, real refusals, and the least that the agent's user needs. */
import assert from 'node:assert/strict';
import { cpSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { certificate, certificateAuthority } from '../../containers/sources/kubelet-server.ts';
import { eventually } from '../../support/eventually.ts';
import { pluginConfig } from '../../support/search-server/jars.ts';
import { findServer, SearchServer } from '../../support/search-server/server.ts';
import { config, Shipping, stored } from './fixture.ts';

const wanted = process.env.HUATUO_TEST_SERVERS === 'all';
const found = wanted
  ? await findServer('opensearch-2-secure')
  : { missing: 'npm run test:elasticsearch runs it' };
const skip = 'missing' in found ? found.missing : false;

const PASSWORD = 'Correct-Horse-7-Battery';
const TARGETS = ['logs-huatuo.*', '.ds-logs-huatuo.*'];
const basic = (user: string, password: string): string =>
  `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`;
const SSL = 'plugins.security.ssl.transport';

describe('OpenSearch with users', { skip }, () => {
  let server: SearchServer;
  before(async () => {
    if ('missing' in found) return;
    const ca = await certificateAuthority('test authority');
    const own = await certificate(ca, 'node', ['127.0.0.1']);
    server = await SearchServer.start(found, {
      authorization: basic('admin', 'admin'),
      settings: {
        [`${SSL}.pemcert_filepath`]: 'node.pem',
        [`${SSL}.pemkey_filepath`]: 'key.pem',
        [`${SSL}.pemtrustedcas_filepath`]: 'ca.pem',
        [`${SSL}.enforce_hostname_verification`]: 'false',
        'plugins.security.ssl.http.enabled': 'false',
        'plugins.security.allow_default_init_securityindex': 'true',
        'plugins.security.authcz.admin_dn': 'CN=admin',
        'plugins.security.restapi.roles_enabled': 'all_access',
      },
      prepare(home) {
        const directory = join(home, 'config');
        mkdirSync(directory);
        cpSync(pluginConfig(found.jars) ?? '', join(directory, 'opensearch-security'), { recursive: true });
        for (const [name, text] of Object.entries({
          'node.pem': own.cert,
          'key.pem': own.key,
          'ca.pem': ca.cert,
        }))
          writeFileSync(join(directory, name), text);
      },
    });
    const api = '/_plugins/_security/api';
    await server.call('PUT', `${api}/internalusers/shipper`, { password: PASSWORD });
    await server.call('PUT', `${api}/roles/shipper`, {
      cluster_permissions: ['cluster_monitor', 'cluster_manage_index_templates', 'indices:data/write/bulk'],
      index_permissions: [
        {
          index_patterns: TARGETS,
          allowed_actions: [
            'create_index',
            'index',
            'read',
            'indices:admin/refresh*',
            'indices:admin/rollover',
          ],
        },
      ],
    });
    await server.call('PUT', `${api}/rolesmapping/shipper`, { users: ['shipper'] });
    await server.call('PUT', `${api}/internalusers/stranger`, { password: PASSWORD });
  });
  after(() => server?.[Symbol.asyncDispose]());

  function settings(shipping: Shipping, username: string, password: string, namespace: string) {
    const passwordFile = join(shipping.path, '.password');
    writeFileSync(passwordFile, password);
    const { credentials } = config('');
    return config(server.url, { namespace, credentials: { ...credentials, username, passwordFile } });
  }

  async function failing(shipping: Shipping, message: RegExp): Promise<void> {
    const { error } = await eventually('it to fail', async () => {
      const status = await shipping.status();
      return status.state === 'failing' && status;
    });
    assert.match(error?.message ?? '', message);
  }

  test('a user with the least privileges ships, also after an end in the middle', async () => {
    await using shipping = new Shipping();
    shipping.write(500);
    shipping.start(settings(shipping, 'shipper', PASSWORD, 'least'));
    await shipping.drained();
    await shipping.stop();
    await server.call('POST', '/logs-huatuo.oom-least/_rollover');
    shipping.write(500);
    shipping.start(settings(shipping, 'shipper', PASSWORD, 'least'));
    const { dead_lettered } = await shipping.drained();
    assert.equal(dead_lettered, 0);
    assert.deepEqual(await stored(server, 'logs-huatuo.oom-least'), { documents: 1000, events: 1000 });
  });

  test('a wrong password, and a user without privileges, are told apart; nothing is lost', async () => {
    await using shipping = new Shipping();
    shipping.write(50);
    shipping.start(settings(shipping, 'shipper', 'wrong', 'wrong'));
    await failing(shipping, /HTTP status 401.*correct user and password/);
    await shipping.stop();
    shipping.start(settings(shipping, 'stranger', PASSWORD, 'wrong'));
    await failing(shipping, /HTTP status 403.*security_exception.*privileges/);
    await shipping.stop();
    shipping.start(settings(shipping, 'shipper', PASSWORD, 'wrong'));
    const { lost, dead_lettered } = await shipping.drained();
    assert.deepEqual([lost, dead_lettered], [0, 0]);
    assert.deepEqual(await stored(server, 'logs-huatuo.oom-wrong'), { documents: 50, events: 50 });
  });
});
