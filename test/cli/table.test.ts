import assert from 'node:assert/strict';
import { test } from 'node:test';
import { stripVTControlCharacters } from 'node:util';
import { formatTable } from '../../src/cli/table.ts';

test('columns line up on a terminal, whatever a container is called', () => {
  const table = formatTable(
    ['NAME', 'ID'],
    [
      ['网关', '1'],
      ['gateway', '2'],
      ['e\u0301t\u00e9', '3'],
    ],
  );
  assert.equal(
    stripVTControlCharacters(table),
    ['NAME     ID', '网关     1', 'gateway  2', 'e\u0301t\u00e9      3'].join('\n'),
  );
});

test('a cell cannot drive the terminal', () => {
  assert.match(
    stripVTControlCharacters(formatTable(['NAME'], [['\u001b[2J\n']])),
    /^NAME\n\\u001b\[2J\\u000a$/,
  );
});

test('the last column is wrapped at the width of the terminal, between words', () => {
  const rows = [['oom', 'Who ran out of memory, and who was killed for it?']];
  const lines = stripVTControlCharacters(formatTable(['NAME', 'ABOUT'], rows, undefined, 38)).split('\n');
  assert.deepEqual(lines, [
    'NAME  ABOUT',
    'oom   Who ran out of memory, and who',
    '      was killed for it?',
  ]);
});

test('without a terminal each row is one line', () => {
  const about = 'word '.repeat(200).trim();
  assert.equal(formatTable(['NAME', 'ABOUT'], [['oom', about]], undefined, undefined).split('\n').length, 2);
});
