import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { acceptedEncoding, acceptedFormat } from '../../src/web/negotiate.ts';

const OPEN = 'application/openmetrics-text; version=1.0.0; charset=utf-8';
const TEXT = 'text/plain; version=0.0.4; charset=utf-8';

for (const [accept, expected] of [
  [undefined, TEXT],
  ['', TEXT],
  ['*/*', TEXT],
  ['text/html', TEXT],
  ['application/openmetrics-text', OPEN],
  ['Application/OpenMetrics-Text; Version="1.0.0"', OPEN],
  ['application/openmetrics-text;version=0.0.1', OPEN.replace('1.0.0', '0.0.1')],
  ['application/openmetrics-text;version=2.0.0', TEXT],
  ['application/openmetrics-text;q=0', TEXT],
  ['application/openmetrics-text;q=0.5,text/plain;q=0.6', TEXT],
  ['application/openmetrics-text;q=0.5,text/plain;q=0.5', TEXT],
  ['application/openmetrics-text;q=0.5,text/plain;version=1.0.0;q=0.9,*/*;q=0.1', OPEN],
  ['application/openmetrics-text;q=high', TEXT],
  // Prometheus 2 and 3.
  [
    'application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1',
    OPEN,
  ],
  [
    'application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.5,application/openmetrics-text;version=0.0.1;q=0.4,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.3,text/plain;version=0.0.4;q=0.2,*/*;q=0.1',
    OPEN,
  ],
] as const)
  test(`accept: ${accept}`, () => assert.equal(acceptedFormat(accept).contentType, expected));

for (const [accepted, expected] of [
  [undefined, 'identity'],
  ['', 'identity'],
  ['gzip', 'gzip'],
  ['gzip, deflate, br, zstd', 'zstd'],
  ['gzip;q=1, zstd;q=0.5', 'gzip'],
  ['gzip;q=0', 'identity'],
  ['gzip;q=0.5, identity;q=0.9', 'identity'],
  ['br', 'identity'],
  ['*', 'zstd'],
  ['*;q=0.5, zstd;q=0', 'gzip'],
  ['GZIP', 'gzip'],
  ['identity;q=0', 'identity'],
] as const)
  test(`accept-encoding: ${accepted}`, () => assert.equal(acceptedEncoding(accepted), expected));

test('any headers have an answer', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (header) => {
      assert.ok([TEXT, OPEN].includes(acceptedFormat(header).contentType));
      assert.ok(['identity', 'gzip', 'zstd'].includes(acceptedEncoding(header)));
    }),
  );
});
