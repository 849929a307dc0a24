/** The layout of a map whose one member is a counter of the page: `test_drops_total`. */
import type { MapLayout } from '../../src/schema/manifest.ts';

/** @param given what of it a test wants otherwise */
export function dropsMap(given: Partial<MapLayout> = {}): MapLayout {
  const field = { name: '', json: '', offset: 0, doc: '' } as const;
  return {
    name: 'drops',
    type: 'hash',
    key: [{ ...field, format: 'id', bytes: 4 }],
    value: [{ ...field, format: 'count', bytes: 8 }],
    keyBytes: 4,
    valueBytes: 8,
    maxEntries: 1,
    metrics: [{ type: 'counter', name: 'test_drops_total', help: 'Test.', field: '' }],
    ...given,
  };
}
