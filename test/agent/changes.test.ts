/** What of a configuration restarts which collectors. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { collectorPart } from '../../src/agent/changes.ts';
import { looksOnPool } from '../../src/catalog/entry.ts';
import { loadCatalog } from '../../src/catalog/load-catalog.ts';
import type { EffectiveConfig } from '../../src/config/effective.ts';
import { loadConfig } from '../../src/config/load.ts';
import { at } from '../../src/paths.ts';

const catalog = await loadCatalog({ builtinRoot: at('dist'), extraDirectories: [] });
const { config } = loadConfig({ overrides: [], catalog });
const all = Object.fromEntries(
  Object.entries(config.collectors).map(([name, own]) => [name, { ...own, enabled: true }]),
);
const before: EffectiveConfig = { ...config, collectors: all };

function touchedBy(after: EffectiveConfig): string[] {
  return catalog.entries
    .filter((entry) => collectorPart(before, entry) !== collectorPart(after, entry))
    .map(({ name }) => name);
}

test('a limit for the agent as a whole restarts none', () => {
  assert.deepEqual(touchedBy({ ...before, supervisor: { ...before.supervisor, memory_limit_bytes: 1 } }), []);
});

test('how long a scrape may take is how long autotracers wait for their samples', () => {
  const autotracers = catalog.entries.filter((entry) => looksOnPool(entry)).map(({ name }) => name);
  assert.ok(autotracers.length > 0);
  assert.deepEqual(touchedBy({ ...before, web: { ...before.web, scrape_timeout_ms: 1 } }), autotracers);
});
