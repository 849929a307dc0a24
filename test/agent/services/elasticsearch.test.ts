import assert from 'node:assert/strict';
import { test } from 'node:test';
import { elasticsearch } from '../../../src/agent/services/elasticsearch.ts';
import type { ServiceHost } from '../../../src/agent/services/service.ts';
import type { ElasticsearchStatus } from '../../../src/storage/elasticsearch/status.ts';

const UNREACHABLE = { code: 'ELASTICSEARCH_FAILED', message: 'refused', remedy: 'start it' } as const;

test('the reason of the actor is the last error while nothing is shipped', () => {
  const { trouble } = elasticsearch({} as ServiceHost);
  const of = (status: Partial<ElasticsearchStatus>) =>
    trouble?.({ elasticsearch: status as ElasticsearchStatus });
  assert.deepEqual(of({ state: 'failing', error: UNREACHABLE }), {
    ...UNREACHABLE,
    message: 'failing: refused',
  });
  assert.equal(of({ state: 'ok' }), undefined);
  assert.equal(trouble?.({}), undefined);
});
