import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { eventually } from '../../support/eventually.ts';
import { type Fault, FaultProxy, isBulk } from '../../support/fault-proxy.ts';
import { readLines } from '../../support/journal-reader.ts';
import { findServer, SearchServer } from '../../support/search-server/server.ts';
import { config, Shipping, stored } from './fixture.ts';
import { SmallDisk } from './small-disk.ts';

const found = await findServer('elasticsearch-8');
const skip = 'missing' in found ? found.missing : false;

describe('documents of the journal in a real Elasticsearch', { skip }, () => {
  let server: SearchServer;
  let proxy: FaultProxy;
  before(async () => {
    server = await SearchServer.start(found);
    proxy = await FaultProxy.start(() => server.url);
  });
  after(async () => {
    await proxy[Symbol.asyncDispose]();
    await server[Symbol.asyncDispose]();
  });

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

  for (const compression of ['sealed', 'live'] as const)
    test(`an actor goes on where another one ended, compression ${compression}`, async () => {
      await using shipping = new Shipping({ segment_bytes: 100_000, compression });
      const settings = config(server.url, { namespace: `again-${compression}` });
      for (let life = 0; life < 4; life++) {
        shipping.write(700);
        await shipping.journal.packed();
        shipping.start(settings);
        await shipping.drained();
        await shipping.stop();
      }
      assert.deepEqual(await stored(server, `logs-huatuo.oom-again-${compression}`), {
        documents: 2800,
        events: 2800,
      });
    });

  test('what was sent when the actor ended is not sent again, although the data stream has rolled over since', async () => {
    const target = 'logs-huatuo.oom-rollover';
    await using shipping = new Shipping();
    shipping.write(3000);
    // The server stores, and the actor never learns it.
    proxy.fault = (request) => (isBulk(request) ? { kind: 'lost answer' } : undefined);
    shipping.start(config(proxy.url, { namespace: 'rollover' }));
    await eventually('documents to be stored', async () => {
      const bulks = proxy.bulks.length;
      return bulks > 1 && (await shipping.status()).state === 'failing';
    });
    const first = await shipping.stream();
    await shipping.stop();
    const before = await stored(server, target);
    assert.ok(before.documents > 0);
    await server.call('POST', `/${target}/_rollover`);
    proxy.fault = () => undefined;
    shipping.start(config(proxy.url, { namespace: 'rollover' }));
    const { deduplicated, shipped } = await shipping.drained();
    assert.deepEqual(await stored(server, target), { documents: 3000, events: 3000 });
    assert.equal(deduplicated + (first?.deduplicated ?? 0), before.documents);
    assert.equal(shipped, 3000 - before.documents);
  });

  test('an answer that is lost, and a rollover before the next try', async () => {
    const target = 'logs-huatuo.oom-midway';
    await using shipping = new Shipping();
    shipping.write(2000);
    let faults = 0;
    proxy.fault = (request) => (isBulk(request) && faults++ < 3 ? { kind: 'lost answer' } : undefined);
    proxy.answered = async (request) => {
      if (isBulk(request) && faults <= 3) await server.call('POST', `/${target}/_rollover`);
    };
    shipping.start(config(proxy.url, { namespace: 'midway', concurrency: 2 }));
    await shipping.drained();
    proxy.answered = () => undefined;
    proxy.fault = () => undefined;
    const { indices } = await server.call('GET', `/_resolve/index/.ds-${target}-*?expand_wildcards=all`);
    assert.ok(indices.length >= 3, JSON.stringify(indices));
    assert.deepEqual(await stored(server, target), { documents: 2000, events: 2000 });
  });

  const FAULTS: readonly Fault[] = [
    { kind: 'delay', ms: 50 },
    { kind: 'reset' },
    { kind: 'lost answer' },
    { kind: 'cut answer' },
    { kind: 'endless answer' },
    { kind: 'status', status: 429, headers: { 'retry-after': '0' } },
    { kind: 'status', status: 500 },
    { kind: 'status', status: 502 },
    { kind: 'status', status: 503, headers: { 'retry-after': '1' } },
    { kind: 'status', status: 504, body: '<html>' },
    { kind: 'status', status: 401 },
    { kind: 'status', status: 403 },
    { kind: 'status', status: 404 },
    { kind: 'status', status: 200, body: '{"items":' },
    { kind: 'status', status: 200, body: '{"errors":true,"items":[]}' },
  ];

  test('every document once in spite of every fault: at a request, and at the question that follows', async () => {
    await using shipping = new Shipping({ segment_bytes: 200_000 });
    shipping.start(config(proxy.url, { namespace: 'faults', timeout_ms: 500, concurrency: 2 }));
    let met = 0;
    for (const fault of FAULTS) {
      let bulk: Fault | undefined = fault;
      let question: Fault | undefined = fault;
      proxy.fault = (request) => {
        const due = isBulk(request) ? bulk : question;
        if (isBulk(request)) bulk = undefined;
        else question = undefined;
        if (due) met++;
        return due;
      };
      shipping.write(700);
      await shipping.drained();
    }
    proxy.fault = () => undefined;
    assert.ok(met > FAULTS.length, `${met} faults`);
    const { count } = shipping;
    assert.deepEqual(await stored(server, 'logs-huatuo.oom-faults'), { documents: count, events: count });
  });

  test('a document that does not fit the mapping goes to the dead letters with its reason; its neighbours do not', async () => {
    await using shipping = new Shipping();
    shipping.write(100);
    shipping.write(3, { data: { victim: 'not an object' } });
    shipping.write(100);
    shipping.start(config(server.url, { namespace: 'dead' }));
    const { shipped, dead_lettered, retried } = await shipping.drained();
    assert.deepEqual([shipped, dead_lettered, retried], [200, 3, 0]);
    const letters = readLines(join(shipping.path, '.elasticsearch/dead_letter'), 'oom').map((line) =>
      JSON.parse(line),
    );
    assert.equal(letters.length, 3);
    for (const { status, type, reason, document, event_id } of letters) {
      assert.equal(status, 400);
      assert.match(`${type}: ${reason}`, /document_parsing_exception: .*victim/);
      assert.equal(JSON.parse(document).event_id, event_id);
    }
  });

  test('lines that damage has made of documents are set aside and counted', async () => {
    await using shipping = new Shipping();
    shipping.write(50);
    shipping.journal.append('oom', Buffer.from('{"@timestamp":"20\u0000\u0000\nnot even JSON\n'), 2);
    shipping.journal.append('oom', Buffer.from(`${'x'.repeat(100)}\n`), 1);
    shipping.write(50);
    shipping.start(config(server.url, { namespace: 'damaged' }));
    const { shipped, dead_lettered, lost } = await shipping.drained();
    assert.deepEqual([shipped, dead_lettered, lost], [100, 3, 0]);
  });

  test('a write block is waited for, document by document', async () => {
    await using shipping = new Shipping();
    const target = 'logs-huatuo.oom-block';
    shipping.write(20);
    shipping.start(config(server.url, { namespace: 'block' }));
    await shipping.drained();
    await server.call('PUT', `/${target}/_settings`, { 'index.blocks.write': true });
    shipping.write(20);
    const { error } = await eventually('the block to be met', async () => {
      const status = await shipping.status();
      return status.state === 'failing' && status;
    });
    assert.ok(((await shipping.stream())?.retried ?? 0) > 20);
    assert.match(error?.message ?? '', /20 refused with status 403, cluster_block_exception/);
    await server.call('PUT', `/${target}/_settings`, { 'index.blocks.write': false });
    const { dead_lettered } = await shipping.drained();
    assert.equal(dead_lettered, 0);
    assert.deepEqual(await stored(server, target), { documents: 40, events: 40 });
  });

  test('a cursor that is damaged, or of another journal, costs no document and makes none twice', async () => {
    await using shipping = new Shipping({ segment_bytes: 50_000 });
    const target = 'logs-huatuo.oom-cursor';
    const settings = config(server.url, { namespace: 'cursor' });
    const path = join(shipping.path, '.elasticsearch/cursor.json');
    const damages: readonly ((text: string) => string)[] = [
      (text) => text.slice(0, text.length / 2),
      (text) => text.replace(/"offset":\d+/, '"offset":7'),
      (text) => text.replace(/"check":\d+/, '"check":7'),
      (text) => text.replace(/"segment":\d+/, '"segment":999999'),
      () => '{"version":2}',
      () => '\u0000'.repeat(100),
    ];
    for (const damage of damages) {
      shipping.write(300);
      shipping.start(settings);
      await shipping.drained();
      await shipping.stop();
      await server.call('POST', `/${target}/_rollover`);
      writeFileSync(path, damage(readFileSync(path, 'utf8')));
    }
    shipping.start(settings);
    await shipping.drained();
    assert.deepEqual(await stored(server, target), { documents: shipping.count, events: shipping.count });
  });

  test('an outage costs disk up to the bound; past it the oldest documents, counted for each tracer', async () => {
    await using shipping = new Shipping({ segment_bytes: 50_000, segments: 6 });
    const settings = config(proxy.url, { namespace: 'outage' });
    shipping.write(200);
    shipping.write(100, { tracer: 'softirq' });
    shipping.start(settings);
    await shipping.drained();
    await shipping.drained('softirq');
    proxy.fault = () => ({ kind: 'reset' });
    shipping.write(100, { tracer: 'softirq' });
    for (let part = 0; part < 40; part++) shipping.write(50);
    const { lost = 0 } = await eventually('the loss to be told while the server is away', async () => {
      const stream = await shipping.stream();
      return (stream?.lost ?? 0) > 0 && stream;
    });
    // It is one loss over an end of the actor too.
    await shipping.stop();
    shipping.start(settings);
    proxy.fault = () => undefined;
    const oom = await shipping.drained();
    const softirq = await shipping.drained('softirq');
    assert.equal(softirq.lost, 0);
    assert.equal(softirq.shipped, 100);
    assert.equal(oom.lost, lost);
    assert.equal(oom.lost + oom.shipped, 2000);
    const { expired_documents = 0 } = shipping.journal.status().oom ?? {};
    assert.equal(oom.lost, expired_documents - 200);
    const documents = 200 + oom.shipped;
    assert.deepEqual(await stored(server, 'logs-huatuo.oom-outage'), { documents, events: documents });
    assert.deepEqual(await stored(server, 'logs-huatuo.softirq-outage'), { documents: 200, events: 200 });
  });

  test('while the cursor cannot be written shipping waits; afterwards every document is there once', async () => {
    await using shipping = new Shipping();
    shipping.write(100);
    const settings = config(server.url, { namespace: 'unwritable' });
    shipping.start(settings);
    await shipping.drained();
    await shipping.stop();
    const obstacle = join(shipping.path, '.elasticsearch/cursor.json.tmp');
    mkdirSync(obstacle);
    shipping.write(3000);
    shipping.start(settings);
    const { error } = await eventually('the obstacle to be met', async () => {
      const status = await shipping.status();
      return status.state === 'failing' && status;
    });
    assert.match(error?.message ?? '', /EISDIR/);
    rmdirSync(obstacle);
    await shipping.drained();
    assert.deepEqual(await stored(server, 'logs-huatuo.oom-unwritable'), { documents: 3100, events: 3100 });
  });

  for (const [name, errno] of [
    ['full', 'ENOSPC'],
    ['remounted read-only', 'EROFS'],
  ] as const) {
    test(`while the disk of the cursor is ${name} shipping waits; afterwards every document is there once`, {
      skip: process.getuid?.() === 0 ? false : 'needs root to mount a disk',
    }, async () => {
      await using shipping = new Shipping();
      const namespace = errno.toLowerCase();
      using disk = new SmallDisk(join(shipping.path, '.elasticsearch'));
      shipping.write(100);
      shipping.start(config(server.url, { namespace }));
      await shipping.drained();
      {
        // A disk with files that are open for writing is not remounted.
        if (errno === 'EROFS') await shipping.stop();
        using _ = errno === 'ENOSPC' ? disk.fill() : disk.readOnly();
        shipping.write(3000);
        if (errno === 'EROFS') shipping.start(config(server.url, { namespace }));
        const { error } = await eventually('the disk to be met', async () => {
          const status = await shipping.status();
          return status.state === 'failing' && status;
        });
        assert.match(error?.message ?? '', new RegExp(errno));
      }
      await shipping.drained();
      assert.deepEqual(await stored(server, `logs-huatuo.oom-${namespace}`), {
        documents: 3100,
        events: 3100,
      });
      // Before its disk is unmounted.
      await shipping.stop();
    });
  }

  test('a server that is killed and comes back', async () => {
    await using shipping = new Shipping({ segment_bytes: 200_000 });
    shipping.start(config(server.url, { namespace: 'killed' }));
    for (let round = 0; round < 3; round++) {
      shipping.write(4000);
      await eventually('some to be shipped', async () => ((await shipping.stream())?.shipped ?? 0) > 0);
      await server.kill();
      shipping.write(1000);
      await eventually('the actor to notice', async () => (await shipping.status()).state === 'failing');
      await server.start();
      await shipping.drained();
    }
    assert.deepEqual(await stored(server, 'logs-huatuo.oom-killed'), { documents: 15_000, events: 15_000 });
  });
});
