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
