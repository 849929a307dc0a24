/** What every product and version must do. `npm test` takes the first one, `npm run test:elasticsearch` all. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { FaultProxy, isBulk } from '../../support/fault-proxy.ts';
import { findServer, SearchServer } from '../../support/search-server/server.ts';
import { OPEN_SERVERS, SERVERS } from '../../support/search-server/versions.ts';
import { config, Shipping, stored } from './fixture.ts';

const chosen = process.env.HUATUO_TEST_SERVERS === 'all' ? OPEN_SERVERS : OPEN_SERVERS.slice(0, 1);

for (const name of chosen) {
  const found = await findServer(name);
  const { product, version } = SERVERS[name];
  // The published jars of 7.17 are those without data streams.
  const layouts = name === 'elasticsearch-7' ? (['index'] as const) : (['data_stream', 'index'] as const);
  const targetOf = (layout: string, namespace: string, tracer = 'oom'): string =>
    layout === 'index' ? `huatuo-${tracer}-${namespace}` : `logs-huatuo.${tracer}-${namespace}`;

  describe(`${product} ${version}`, { skip: 'missing' in found ? found.missing : false }, () => {
    let server: SearchServer;
    before(async () => {
      server = await SearchServer.start(found);
    });
    after(() => server[Symbol.asyncDispose]());

    for (const layout of layouts) {
      test(`${layout}: documents arrive once and are found by their fields, by the names of ECS, and by the alias`, async () => {
        await using shipping = new Shipping();
        const target = targetOf(layout, 'fields');
        shipping.write(50);
        shipping.write(50, { tracer: 'softirq' });
        shipping.start(config(server.url, { namespace: 'fields', layout, alias: `huatuo_${layout}` }));
        await shipping.drained();
        await shipping.drained('softirq');
        const { product: seen } = await shipping.status();
        assert.deepEqual(seen, { name: product, version });
        assert.deepEqual(await stored(server, target), { documents: 50, events: 50 });
        await server.call('POST', `/huatuo_${layout}/_refresh`);
        const count = async (index: string, query: object): Promise<number> =>
          (await server.call('POST', `/${index}/_count`, { query })).count;
        assert.equal(await count(target, { term: { 'tracer_data.victim.pid': 7 } }), 1);
        assert.equal(await count(target, { term: { 'host.name': 'vm' } }), 50);
        assert.equal(await count(target, { range: { '@timestamp': { gte: '2026-01-01' } } }), 50);
        assert.equal((await count(`huatuo_${layout}`, { term: { tracer_name: 'softirq' } })) % 50, 0);
        await shipping.stop();
        shipping.write(10);
        shipping.start(config(server.url, { namespace: 'fields', layout, alias: `huatuo_${layout}` }));
        await shipping.drained();
        assert.deepEqual(await stored(server, target), { documents: 60, events: 60 });
      });

      test(`${layout}: what a document brings along does not become fields of the index`, async () => {
        await using shipping = new Shipping();
        const target = targetOf(layout, 'free', 'custom');
        for (let n = 0; n < 30; n++)
          shipping.write(1, { tracer: 'custom', data: { [`key_${n}`]: { deep: n } } });
        shipping.write(1, { tracer: 'custom', data: { key_1: 'text now' } });
        shipping.start(config(server.url, { namespace: 'free', layout, alias: `huatuo_${layout}` }));
        const { shipped, dead_lettered } = await shipping.drained('custom');
        assert.deepEqual([shipped, dead_lettered], [31, 0]);
        const mappings: { mappings: { properties: Record<string, unknown> } }[] = Object.values(
          await server.call('GET', `/${target}/_mapping`),
        );
        assert.doesNotMatch(JSON.stringify(mappings), /key_/);
        assert.ok('tracer_data' in (mappings[0]?.mappings.properties ?? {}));
      });

      test(`${layout}: an older template is replaced, a newer one is left alone`, async () => {
        const path = `/_component_template/huatuo-runqlat`;
        const versionThere = async (): Promise<number> =>
          (await server.call('GET', path)).component_templates[0].component_template.version;
        const put = (version: number) => server.call('PUT', path, { version, template: {} });
        const ship = async (): Promise<void> => {
          await using shipping = new Shipping();
          shipping.write(5, { tracer: 'runqlat' });
          shipping.start(config(server.url, { namespace: `v${Math.random()}`, layout, alias: '' }));
          await shipping.drained('runqlat');
        };
        await put(1);
        await ship();
        const ours = await versionThere();
        assert.ok(ours > 1);
        await put(ours + 1);
        await ship();
        assert.equal(await versionThere(), ours + 1);
        await put(1);
      });

      test(`${layout}: answers that are lost, a document that is rejected, a rollover in between`, async () => {
        await using proxy = await FaultProxy.start(() => server.url);
        await using shipping = new Shipping();
        const target = targetOf(layout, 'lost');
        shipping.write(1500);
        shipping.write(2, { data: { victim: 'not an object' } });
        let faults = 0;
        proxy.fault = (request) => (isBulk(request) && faults++ < 2 ? { kind: 'lost answer' } : undefined);
        proxy.answered = async (request) => {
          if (isBulk(request) && faults <= 2 && layout === 'data_stream')
            await server.call('POST', `/${target}/_rollover`);
        };
        shipping.start(config(proxy.url, { namespace: 'lost', layout, alias: `huatuo_${layout}` }));
        const { dead_lettered } = await shipping.drained();
        assert.equal(dead_lettered, 2);
        assert.deepEqual(await stored(server, target), { documents: 1500, events: 1500 });
      });
    }
  });
}
