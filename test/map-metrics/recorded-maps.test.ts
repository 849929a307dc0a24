/** What a page shows of each object's maps, as a kernel has filled them, without a kernel: one golden page for each collector. */
import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { basename } from 'node:path';
import test from 'node:test';
import { metricMaps } from '../../src/map-metrics/map-metrics.ts';
import { at } from '../../src/paths.ts';
import type { ObjectManifest } from '../../src/schema/manifest.ts';
import { container } from '../support/harness-containers.ts';
import { replayMaps } from '../support/map-recording.ts';
import { parsePage } from '../support/prometheus-text.ts';
import { promlint } from '../support/promlint.ts';

const manifests = globSync('dist/bpf/*.json', { cwd: at('.') }).map(
  (file) => [basename(file, '.json'), JSON.parse(readFileSync(at(file), 'utf8')) as ObjectManifest] as const,
);
const counting = manifests.filter(([, manifest]) => metricMaps(manifest).some(({ metrics }) => metrics));

for (const [collector, manifest] of counting)
  test(`${collector}: recorded maps give the golden page, with every metric of a map that had entries`, async () => {
    const { text, entries } = await replayMaps(collector, container('web', {}));
    assert.deepEqual(promlint(text), []);
    const filled = metricMaps(manifest).filter(({ name }) => (entries[name] ?? []).length > 0);
    const names = filled.flatMap(({ metrics = [] }) => metrics.map(({ name }) => name));
    const shown = parsePage(text);
    assert.ok(names.length > 0);
    assert.deepEqual(
      names.filter((name) => !shown.has(name)),
      [],
    );
  });
