import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { at } from '../../src/paths.ts';
import { config, Shipping, stored } from '../storage/elasticsearch/fixture.ts';
import { freePort } from '../support/free-port.ts';
import { findServer, SearchServer } from '../support/search-server/server.ts';

const found = await findServer('elasticsearch-8');
const skip = 'missing' in found ? found.missing : false;

interface Ended {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

function huatuo(...args: readonly string[]): Promise<Ended> {
  return new Promise((resolve) => {
    execFile(process.execPath, [at('src/cli/huatuo.mjs'), ...args], (error, stdout, stderr) =>
      resolve({ code: error ? Number(error.code) : 0, stdout, stderr }),
    );
  });
}

/** The config file of an agent on this journal. */
function configFile(shipping: Shipping, url: string, namespace: string): string {
  const path = join(shipping.path, '.huatuo.yaml');
  const elasticsearch = { hosts: [url], namespace };
  writeFileSync(path, JSON.stringify({ journal: { directory: shipping.path }, elasticsearch }));
  return path;
}

describe('commands that talk to Elasticsearch', { skip }, () => {
  let server: SearchServer;
  before(async () => {
    server = await SearchServer.start(found);
  });
  after(() => server[Symbol.asyncDispose]());

  test('check --elasticsearch shows what would be set up, and afterwards that it is', async () => {
    await using shipping = new Shipping();
    const file = configFile(shipping, server.url, 'check');
    const before = await huatuo('check', '--elasticsearch', file);
    assert.equal(before.code, 0, before.stderr);
    assert.match(before.stdout, /^server +http:\/\/127.* elasticsearch 8\.19\.21$/m);
    assert.match(
      before.stdout,
      /^documents +to data streams logs-huatuo\.TRACER-check, alias huatuo_bamai$/m,
    );
    assert.match(before.stdout, /^component +huatuo-oom: create, version \d+$/m);
    shipping.write(1);
    shipping.start(config(server.url, { namespace: 'check' }));
    await shipping.drained();
    const { stdout } = await huatuo('check', '--elasticsearch', file);
    assert.match(stdout, /^component +huatuo-oom: keep \(version \d+ there\)/m);
    assert.match(stdout, /^index +logs-huatuo\.softirq: create/m);
  });

  test('check --elasticsearch without a server says what to do', async () => {
    await using shipping = new Shipping();
    const file = configFile(shipping, `http://127.0.0.1:${await freePort()}`, 'none');
    const { code, stderr } = await huatuo('check', '--elasticsearch', file);
    assert.equal(code, 1);
    assert.match(stderr, /ECONNREFUSED.*start the server, or correct elasticsearch\.hosts/);
  });

  test('resend delivers what was rejected, once the cause is gone, and keeps what is rejected again', async () => {
    await using shipping = new Shipping();
    const target = 'logs-huatuo.oom-resend';
    shipping.write(10);
    shipping.write(3, { data: { victim: 'not an object' } });
    shipping.write(2, { data: { trigger: 'not an object either' } });
    shipping.start(config(server.url, { namespace: 'resend' }));
    assert.equal((await shipping.drained()).dead_lettered, 5);
    await shipping.stop();
    const file = configFile(shipping, server.url, 'resend');
    const inVain = await huatuo('resend', '--config.file', file);
    assert.match(inVain.stdout, /^oom: 0 delivered, 5 rejected again \(.*\)$/m);
    assert.equal(inVain.code, 1);
    // The administrator lets one of the two fields be anything.
    await server.call('PUT', '/_component_template/huatuo-oom', {
      version: 999_999,
      template: {
        mappings: {
          properties: { tracer_data: { dynamic: false, properties: { trigger: { type: 'object' } } } },
        },
      },
    });
    await server.call('POST', `/${target}/_rollover`);
    const again = await huatuo('resend', '--config.file', file);
    assert.match(again.stdout, /^oom: 3 delivered, 2 rejected again/m, again.stderr);
    const once = await huatuo('resend', '--config.file', file);
    assert.match(once.stdout, /^oom: 0 delivered, 2 rejected again/m);
    assert.deepEqual(await stored(server, target), { documents: 13, events: 13 });
  });
});
