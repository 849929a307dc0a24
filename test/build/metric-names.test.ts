/** What docs/metrics.md promises of others' names: those that are said to be here are, those that are said to be not are not. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { agentMetrics } from '../../src/build/agent-metrics.ts';
import {
  DASHBOARD_NAMES,
  NODE_EXPORTER_NAMES,
  NODE_PROCESS_NAMES,
  readNames,
} from '../../src/build/name-tables.ts';
import { at } from '../../src/paths.ts';
import { NodeExporter } from '../bench/node-exporter.ts';

const ROW =
  /^\| `(huatuo_[\w{}]+)` +\| (counter|gauge|histogram) +\| (?:host|container|container, unit) +\|/gm;

/** Types by declared name, `{label}` in it. */
const declared = new Map<string, Set<string>>();
for (const [, name = '', type = ''] of readFileSync(at('docs/metrics.md'), 'utf8').matchAll(ROW))
  declared.set(name, (declared.get(name) ?? new Set()).add(type));

/** Types by name, of the pages of all hosts that there are as fixtures. */
const shown = new Map<string, string>();
for (const host of ['v1', 'v2', 'hybrid']) {
  const page = readFileSync(at(`test/fixtures/hosts/${host}.golden.prom`), 'utf8');
  for (const [, name = '', type = ''] of page.matchAll(/^# TYPE (\S+) (\w+)$/gm)) shown.set(name, type);
}

/** A name as others have it: all that begin so, or those with one of the kernel's keys in it. */
function matches(pattern: string, name: string): boolean {
  const escaped = pattern.replaceAll(/\{\w+\}/g, '\\w+').replace(/\*$/, '.*');
  return new RegExp(`^${escaped}$`).test(name);
}

/** @returns the types that metrics of this name have */
function typesOf(name: string): string[] {
  const types =
    declared.get(name) ?? [...shown].filter(([one]) => matches(name, one)).map(([, type]) => type);
  return [...new Set(types)].sort();
}

for (const { name, here, reason } of readNames(DASHBOARD_NAMES)) {
  if (here !== '') {
    test(`${name} of existing dashboards is a ${here}`, () => {
      assert.equal(typesOf(name).join(' or '), here);
      assert.equal(reason, '');
    });
  } else {
    test(`${name} of existing dashboards is not there, for a reason`, () => {
      assert.notEqual(reason, '');
      const isOurs = [...declared.keys(), ...shown.keys()].filter((one) => matches(name, one));
      assert.deepEqual(reason.startsWith('the same') ? [] : isOurs, []);
    });
  }
}

test('what node_exporter shows by another name is there by the name that is said', () => {
  const wrong = readNames(NODE_EXPORTER_NAMES).filter(({ name, here, reason }) =>
    here.startsWith('huatuo_')
      ? !declared.has(here) && !shown.has(here)
      : here === '' && reason === '' && name !== '',
  );
  assert.deepEqual(wrong, []);
});

test('what programs of Node show of themselves the agent shows, too, or there is a reason', () => {
  const names = new Set(agentMetrics().map(({ name }) => name));
  const wrong = readNames(NODE_PROCESS_NAMES).filter(({ here, reason }) =>
    here === '' ? reason === '' : !names.has(here),
  );
  assert.deepEqual(wrong, []);
});

test('each family that node_exporter shows on this host is in the table', async (t) => {
  await using exporter = await NodeExporter.start();
  if (!exporter) return t.skip('node_exporter is not installed');
  const names = readNames(NODE_EXPORTER_NAMES).map(({ name }) => name);
  const families = [...(await exporter.page()).matchAll(/^# TYPE (\S+)/gm)].map(([, family = '']) => family);
  assert.deepEqual(
    families.filter((family) => !names.some((name) => matches(name, family))),
    [],
  );
});
