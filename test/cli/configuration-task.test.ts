import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createCatalog } from '../../src/catalog/catalog.ts';
import { readConfiguration } from '../../src/cli/configuration.ts';
import { fromAnswer, toAnswer } from '../../src/cli/configuration-task.ts';
import { HuatuoError } from '../../src/error.ts';

test('configuration and catalog are the same on the other side of the thread that has read them', async () => {
  const read = await readConfiguration(['run', '--region=eu', '--no-collector.oom'], { isReload: false });
  const error = new HuatuoError('COLLECTOR_INVALID', { found: 'a fault', remedy: 'correct it' });
  const catalog = createCatalog([...read.catalog.entries, { name: 'bad', error }]);
  const received = fromAnswer(structuredClone(toAnswer({ config: read.config, catalog, warnings: [] })));
  assert.deepEqual(received.config, read.config);
  assert.equal(received.config.collectors.oom?.enabled, false);
  assert.deepEqual(received.catalog.entries, read.catalog.entries);
  assert.equal(received.catalog.find('oom')?.name, 'oom');
  assert.deepEqual(
    received.catalog.broken.map(({ name, error }) => [name, error.code, error.message]),
    [['bad', 'COLLECTOR_INVALID', error.message]],
  );
});

test('what was refused is thrown with its code and words', () => {
  const error = new HuatuoError('CONFIG_INVALID', { found: '1 problem', remedy: 'correct it' });
  assert.throws(() => fromAnswer({ type: 'refused', error: HuatuoError.toWire(error) }), {
    code: 'CONFIG_INVALID',
    message: error.message,
  });
});
