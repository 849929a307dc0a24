import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { matchesWhole, nameFilter } from '../../src/sdk/name-filter.ts';

const NAMES = ['lo', 'flow0', 'eth0', 'eth1', 'veth0', 'ünï\n0'];
const kept = (include: string, exclude: string): string[] => NAMES.filter(nameFilter({ include, exclude }));

describe('filters of names', () => {
  test('empty patterns keep every name', () => assert.deepEqual(kept('', ''), NAMES));

  test('a pattern must match the whole name, each of its alternatives too', () => {
    assert.deepEqual(kept('lo|eth.', ''), ['lo', 'eth0', 'eth1']);
    assert.deepEqual(kept('', 'lo|eth.'), ['flow0', 'veth0', 'ünï\n0']);
  });

  test('what is included and excluded is left out', () =>
    assert.deepEqual(kept('v?eth.', 'veth.*'), ['eth0', 'eth1']));

  test('a dot matches any character of a hostile name', () => assert.deepEqual(kept('ü.*', ''), ['ünï\n0']));

  test('what is no regular expression is refused', () => {
    assert.throws(() => matchesWhole('eth('), SyntaxError);
    assert.throws(() => matchesWhole('a)|(b'), SyntaxError);
  });
});
