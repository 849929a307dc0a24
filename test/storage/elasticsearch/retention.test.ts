/** The ISM policy, against a stand-in of OpenSearch's interface: the plugin is not among the jars that the server tests can get. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import type { ShippingConfig } from '../../../src/storage/elasticsearch/config.ts';
import { Server } from '../../../src/storage/elasticsearch/server.ts';
import { Setup } from '../../../src/storage/elasticsearch/setup.ts';
import { config } from './fixture.ts';

interface Policy {
  readonly description: string;
  readonly states: readonly { readonly transitions: readonly object[] }[];
  readonly ism_template: readonly object[];
}

/** Remembers templates and the policy; refuses to replace one without its version, as OpenSearch does. */
class StandIn implements AsyncDisposable {
  policy: Policy | undefined;
  sequence = 0;
  /** Paths of templates that were put. */
  readonly templates: string[] = [];
  readonly #ism: boolean;
  readonly #server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const url = new URL(request.url ?? '/', 'http://stand-in');
      const [status, answer] = this.#answer(request.method ?? '', url, Buffer.concat(chunks).toString());
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(answer));
    });
  });

  private constructor(ism: boolean) {
    this.#ism = ism;
  }

  static async start(ism = true): Promise<StandIn> {
    const standIn = new StandIn(ism);
    standIn.#server.listen(0, '127.0.0.1');
    await once(standIn.#server, 'listening');
    return standIn;
  }

  /** What an agent does that ships documents of oom for the first time. */
  async setUp(changes: Partial<ShippingConfig>): Promise<Setup> {
    const { port } = this.#server.address() as AddressInfo;
    const server = new Server(config(`http://127.0.0.1:${port}`, changes));
    const setup = new Setup(server);
    await setup.ensure('oom', AbortSignal.timeout(60_000));
    server.close();
    return setup;
  }

  #answer(method: string, { pathname, searchParams }: URL, body: string): [number, object] {
    if (pathname === '/') return [200, { version: { number: '2.19.1', distribution: 'opensearch' } }];
    if (pathname.startsWith('/_plugins/_ism/'))
      return this.#ism
        ? this.#policy(method, searchParams, body)
        : [400, { error: 'no handler found for uri' }];
    if (method === 'PUT') this.templates.push(pathname);
    return method === 'GET' ? [404, {}] : [200, {}];
  }

  #policy(method: string, query: URLSearchParams, body: string): [number, object] {
    const { policy, sequence } = this;
    if (method === 'GET')
      return policy ? [200, { _seq_no: sequence, _primary_term: 1, policy }] : [404, { error: 'not found' }];
    if (policy && query.get('if_seq_no') !== String(sequence)) return [409, { error: 'version conflict' }];
    this.policy = (JSON.parse(body) as { policy: Policy }).policy;
    this.sequence++;
    return [200, {}];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.close();
    this.#server.closeAllConnections();
    await once(this.#server, 'close');
  }
}

test('OpenSearch deletes by an ISM policy that finds the data streams by their name', async () => {
  await using server = await StandIn.start();
  const { abilities } = await server.setUp({ retention_days: 30 });
  assert.equal(abilities?.retention, 'ism');
  assert.deepEqual(server.policy?.states[0]?.transitions, [
    { state_name: 'delete', conditions: { min_index_age: '30d' } },
  ]);
  assert.deepEqual(server.policy?.ism_template, [{ index_patterns: ['logs-huatuo.*'], priority: 500 }]);
  assert.ok(server.templates.length > 0);
});

test('a policy is replaced when the number of days has changed, and only then', async () => {
  await using server = await StandIn.start();
  await server.setUp({ retention_days: 30 });
  await server.setUp({ retention_days: 30 });
  assert.equal(server.sequence, 1);
  await server.setUp({ retention_days: 7 });
  assert.equal(server.sequence, 2);
  assert.match(server.policy?.description ?? '', /after 7 days$/);
});

test('without the plugin the templates are set up all the same, and no retention is claimed', async () => {
  await using server = await StandIn.start(false);
  const { abilities } = await server.setUp({ retention_days: 30 });
  assert.equal(abilities?.retention, 'none');
  assert.ok(server.templates.includes('/_index_template/logs-huatuo.oom'));
});

test('without days there is no policy', async () => {
  await using server = await StandIn.start();
  const { abilities } = await server.setUp({ retention_days: 0 });
  assert.deepEqual([abilities?.retention, server.policy], ['none', undefined]);
});
