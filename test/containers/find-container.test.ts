import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ContainerEntry } from '../../src/containers/document.ts';
import { findContainer } from '../../src/containers/find-container.ts';

const entry = (id: string, name: string, podName = ''): ContainerEntry =>
  ({ id, name, hostname: '', podName }) as ContainerEntry;
const CONTAINERS = [entry('cafe01', 'shop', 'pod'), entry('cafe02', 'cafe'), entry('beef01', 'db', 'pod')];
const found = (wanted: string): string => findContainer(wanted, CONTAINERS).id;

test('a container is found by name, pod, id and the beginning of its id', () => {
  assert.deepEqual(['shop', 'cafe01', 'be'].map(found), ['cafe01', 'cafe01', 'beef01']);
});

test('one that is called so comes before others whose ids begin so', () => {
  assert.equal(found('cafe'), 'cafe02');
});

test('what none or several are called is refused', () => {
  assert.throws(() => found('nothing'), { code: 'USAGE', message: /none called nothing/ });
  assert.throws(() => found('cafe0'), { code: 'USAGE', message: /2: shop \(cafe01\), cafe \(cafe02\)/ });
  assert.throws(() => found('pod'), { code: 'USAGE' });
});
