import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { findServer, SearchServer } from '../../support/search-server/server.ts';
import { config, Shipping, stored } from './fixture.ts';

const found = await findServer('elasticsearch-8');
const skip = 'missing' in found ? found.missing : false;

describe('documents of the journal in a real Elasticsearch', { skip }, () => {
  let server: SearchServer;
  before(async () => {
    server = await SearchServer.start(found);
  });
  after(() => server[Symbol.asyncDispose]());

  test('every document once: those that were there before, and those that come', async () => {
    await using shipping = new Shipping({ segment_bytes: 100_000 });
    shipping.write(2000);
    shipping.start(config(server.url, { namespace: 'once' }));
    await shipping.drained();
    shipping.write(300);
    const { shipped, deduplicated, lost, dead_lettered } = await shipping.drained();
    assert.deepEqual([shipped, deduplicated, lost, dead_lettered], [2300, 0, 0, 0]);
    assert.deepEqual(await stored(server, 'logs-huatuo.oom-once'), { documents: 2300, events: 2300 });
    assert.equal((await shipping.status()).state, 'ok');
  });
});
