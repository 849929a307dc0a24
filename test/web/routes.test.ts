import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { HuatuoError } from '../../src/error.ts';
import { createApp } from '../../src/web/app.ts';
import { addPages, type Pages, type ScrapeWish, type Selection } from '../../src/web/routes.ts';
import type { AgentState, LedgerStatus, StatusDocument } from '../../src/web/status.ts';
import { ask, LOCAL, type Reply } from '../support/ask.ts';
import { NO_CONTAINERS } from '../support/no-containers.ts';

function document(state: AgentState): StatusDocument {
  return {
    agent: {
      version: '1.2.3',
      started_at: '2026-01-01T00:00:00Z',
      state,
      node: 'v26.0.0',
      kernel: '6.18.0',
      hostname: '<b>host</b>',
      region: 'default',
      pid: 1,
    },
    actors: [
      {
        name: 'oom',
        role: 'collector',
        kind: 'event',
        state: 'failed',
        reason: { code: 'ATTACH_FAILED', message: '<script>alert("1")</script>', remedy: 'none' },
        restarts: 3,
        since: '2026-01-01T00:00:00Z',
      },
    ],
    ledger: [],
  };
}

const PAGES: Pages = {
  version: '1.2.3',
  status: async () => document('ready'),
  metrics: async () => Buffer.from('page\n'),
  onRefusedScrape: () => {},
  collectors: () => ['oom', 'loadavg'],
  containers: async () => NO_CONTAINERS,
  events: (c) => c.text('no stream'),
};

async function get(
  target: string,
  pages: Partial<Pages> = {},
  { method = 'GET', headers = {} }: { method?: string; headers?: Readonly<Record<string, string>> } = {},
): Promise<Reply> {
  const app = createApp({ onError: (error) => assert.fail(String(error)), onReply: () => {} });
  addPages(app, { ...PAGES, ...pages });
  return ask(app, method, target, { ...LOCAL, headers });
}

const silent = (): Promise<never> =>
  Promise.reject(new HuatuoError('DEADLINE_EXCEEDED', { found: 'silence', remedy: 'wait' }));

describe('/metrics', () => {
  test('a selection without its brackets is refused: it would give the whole page', async () => {
    for (const name of ['collect', 'exclude']) {
      const reply = await get(`/metrics?${name}=loadavg`);
      assert.equal(reply.status, 400);
      assert.match(reply.body, new RegExp(`did you mean ${name}\\[\\]=loadavg\\?`));
    }
  });

  async function selected(target: string): Promise<Selection | undefined> {
    let selection: Selection | undefined;
    await get(target, {
      metrics: async (asked) => {
        selection = asked.selection;
        return Buffer.alloc(0);
      },
    });
    return selection;
  }

  test('is text format 0.0.4 for who asks for nothing else', async () => {
    const reply = await get('/metrics');
    assert.deepEqual([reply.status, reply.body], [200, 'page\n']);
    assert.equal(reply.contentType, 'text/plain; version=0.0.4; charset=utf-8');
  });

  test('selects collectors', async () => {
    assert.deepEqual(await selected('/metrics'), { type: 'all' });
    assert.deepEqual(await selected('/metrics?collect[]=oom&collect%5B%5D=loadavg'), {
      type: 'only',
      collectors: new Set(['oom', 'loadavg']),
    });
    assert.deepEqual(await selected('/metrics?exclude[]=oom&exclude[]=absent'), {
      type: 'without',
      collectors: new Set(['oom', 'absent']),
    });
  });

  test('refuses a selection that contradicts itself or asks for what is not there', async () => {
    assert.equal((await get('/metrics?collect[]=oom&exclude[]=loadavg')).status, 400);
    const reply = await get('/metrics?collect[]=%3Cscript%3E');
    assert.equal(reply.status, 400);
    assert.equal(JSON.parse(reply.body).error.code, 'UNKNOWN_COLLECTOR');
  });

  test('says why a collector that was asked for has no metrics', async () => {
    const actors = (['disabled', 'unsupported'] as const).map((state) => ({
      ...document('ready').actors[0]!,
      name: state === 'disabled' ? 'dropwatch' : 'kprobes',
      state,
    }));
    const status = async (): Promise<StatusDocument> => ({ ...document('ready'), actors });
    const error = async (name: string) =>
      JSON.parse((await get(`/metrics?collect[]=${name}`, { status })).body).error;
    assert.deepEqual(await error('dropwatch'), {
      code: 'DISABLED_COLLECTOR',
      message: 'collector "dropwatch" is disabled; --collector.dropwatch enables it',
    });
    assert.match((await error('kprobes')).message, /^collector "kprobes" is unsupported: /);
    assert.match((await error('missing')).message, /there are oom, loadavg, agent$/);
  });

  test('the agent itself can be selected', async () => {
    assert.deepEqual(await selected('/metrics?collect[]=agent'), {
      type: 'only',
      collectors: new Set(['agent']),
    });
  });

  test('is OpenMetrics, and compressed, for who prefers that', async () => {
    let wish: Partial<ScrapeWish> = {};
    const reply = await get(
      '/metrics',
      {
        metrics: async (asked) => {
          wish = asked;
          return Buffer.from('bytes');
        },
      },
      {
        headers: {
          accept: 'application/openmetrics-text;version=1.0.0,text/plain;q=0.5',
          'accept-encoding': 'gzip',
        },
      },
    );
    assert.equal(reply.contentType, 'application/openmetrics-text; version=1.0.0; charset=utf-8');
    assert.deepEqual([wish.format, wish.encoding], ['openmetrics', 'gzip']);
    const { vary, 'content-encoding': encoding, 'content-length': length } = reply.headers;
    assert.deepEqual([vary, encoding, length], ['accept, accept-encoding', 'gzip', '5']);
  });

  test('tells those to come again who come while many scrapes are answered, and counts them', async () => {
    const { promise, resolve } = Promise.withResolvers<Buffer<ArrayBuffer>>();
    let refused = 0;
    const app = createApp({ onError: (error) => assert.fail(String(error)), onReply: () => {} });
    addPages(app, { ...PAGES, metrics: () => promise, onRefusedScrape: () => refused++ });
    const early = Array.from({ length: 8 }, () => ask(app, 'GET', '/metrics'));
    const late = await ask(app, 'GET', '/metrics');
    assert.deepEqual([late.status, late.headers['retry-after'], refused], [503, '1', 1]);
    resolve(Buffer.from('page\n'));
    assert.deepEqual(
      (await Promise.all(early)).map(({ status }) => status),
      Array(8).fill(200),
    );
    assert.equal((await ask(app, 'GET', '/metrics')).status, 200);
  });
});

describe('health', () => {
  test('is good as long as this thread answers', async () => {
    for (const path of ['/-/healthy', '/healthz'])
      assert.deepEqual((await get(path, { status: silent })).status, 200);
  });

  test('readiness follows the state of the agent and says it', async () => {
    const expected = { ready: 200, degraded: 200, starting: 503, stopping: 503 } as const;
    for (const [state, status] of Object.entries(expected)) {
      for (const path of ['/-/ready', '/readyz']) {
        const reply = await get(path, { status: async () => document(state as AgentState) });
        assert.equal(reply.status, status);
        assert.match(reply.body, new RegExp(state));
      }
    }
  });

  test('an agent that does not answer is not ready', async () => {
    const reply = await get('/-/ready', { status: silent });
    assert.equal(reply.status, 503);
    assert.match(reply.body, /silence/);
  });
});

test('/api/v1/status is the document, or 503 with the error', async () => {
  assert.deepEqual(JSON.parse((await get('/api/v1/status')).body), document('ready'));
  const reply = await get('/api/v1/status', { status: silent });
  assert.equal(reply.status, 503);
  assert.equal(JSON.parse(reply.body).error.code, 'DEADLINE_EXCEEDED');
});

describe('the landing page', () => {
  test('shows every actor, escaped', async () => {
    const reply = await get('/');
    assert.match(reply.contentType, /^text\/html/);
    assert.match(reply.body, /<td>oom/);
    assert.match(reply.body, /&lt;script&gt;alert\(&quot;1&quot;\)&lt;\/script&gt;/);
    assert.match(reply.body, /&lt;b&gt;host&lt;\/b&gt;/);
    assert.doesNotMatch(reply.body, /<script|<b>/);
  });

  test('shows the collectors on the pool with their last scrape', async () => {
    const pooled = [
      { name: 'loadavg' },
      {
        name: 'cpu_util',
        scraped_at: '2026-01-01T00:00:00.000Z',
        success: false,
        error: { code: 'COLLECTOR_FAILED', message: 'no <stat>' } as const,
      },
    ];
    const { body } = await get('/', { status: async () => ({ ...document('ready'), pooled }) });
    assert.match(body, /<td>loadavg<td>not scraped yet/);
    assert.match(body, /<td>cpu_util<td class="bad">failed<td>2026-01-01T00:00:00.000Z<td>no &lt;stat&gt;/);
  });

  test('says which collectors lose events on the way to the journal', async () => {
    assert.doesNotMatch((await get('/')).body, /Lost on the way/);
    const row = { collector: 'softirq', dropped_ring_full: '19685', dropped_lost: '1', difference: '0' };
    const ledger = [row, { collector: 'oom', dropped_ring_full: '0' }] as unknown as LedgerStatus[];
    const { body } = await get('/', { status: async () => ({ ...document('ready'), ledger }) });
    assert.match(body, /Lost on the way to the journal: softirq 19686;/);
  });

  test('works without the main thread', async () => {
    const reply = await get('/', { status: silent });
    assert.equal(reply.status, 200);
    assert.match(reply.body, /does not answer/);
  });

  test('allows its own style and nothing else', async () => {
    const policy = (await get('/')).headers?.['content-security-policy'] ?? '';
    assert.match(policy, /default-src 'none'/);
    assert.match(policy, /style-src 'sha256-[A-Za-z0-9+/]+='/);
    assert.doesNotMatch(policy, /unsafe|script-src/);
  });
});

test('a target in the form for proxies is the page that it names', async () => {
  assert.equal((await get('http://localhost:19704/-/healthy')).status, 200);
  assert.equal((await get('http://localhost:19704/')).status, 200);
  assert.equal((await get('http://localhost:19704/nowhere')).status, 404);
});

test('nothing reloads over HTTP, whoever asks and however; the answer says what does', async () => {
  for (const method of ['POST', 'GET', 'PUT', 'OPTIONS']) {
    const reply = await get('/-/reload', {}, { method });
    assert.equal(reply.status, 403);
    assert.match(JSON.parse(reply.body).error.message, /`huatuo reload`.*SIGHUP/);
  }
});
