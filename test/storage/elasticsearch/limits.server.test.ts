/** A node with limits so low that ordinary loads meet them: what it answers is what a large one answers under load. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { findServer, SearchServer } from '../../support/search-server/server.ts';
import { config, Shipping, stored } from './fixture.ts';

const found = await findServer('elasticsearch-8');
const skip = 'missing' in found ? found.missing : false;

describe('an Elasticsearch that takes little at a time', { skip }, () => {
  let server: SearchServer;
  before(async () => {
    server = await SearchServer.start(found, {
      settings: { 'indexing_pressure.memory.limit': '200kb', 'http.max_content_length': '300kb' },
    });
  });
  after(() => server[Symbol.asyncDispose]());

  test('429 makes loads shorter and fewer; every document once', async () => {
    await using shipping = new Shipping();
    shipping.write(3000);
    shipping.start(config(server.url, { namespace: 'pressure', bulk_bytes: 256 * 1024, compress: false }));
    const { shipped, lost, dead_lettered } = await shipping.drained();
    assert.deepEqual([shipped, lost, dead_lettered], [3000, 0, 0]);
    assert.deepEqual(await stored(server, 'logs-huatuo.oom-pressure'), { documents: 3000, events: 3000 });
  });

  test('413 splits a load; a document that is too long by itself is set aside', async () => {
    await using shipping = new Shipping();
    shipping.write(5);
    shipping.write(1, { data: { pad: 'x'.repeat(400_000) } });
    shipping.write(5);
    shipping.start(config(server.url, { namespace: 'long', bulk_bytes: 1 << 20, compress: false }));
    const { shipped, dead_lettered } = await shipping.drained();
    assert.deepEqual([shipped, dead_lettered], [10, 1]);
    assert.deepEqual(await stored(server, 'logs-huatuo.oom-long'), { documents: 10, events: 10 });
  });
});
