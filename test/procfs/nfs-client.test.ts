import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { parseNfsClient } from '../../src/procfs/nfs-client.ts';

test('the line of all calls is read, whatever stands around it', () => {
  const text = 'net 18628 0 18628 6\nrpc 4329785 12 4338291\nproc2 18 2 69 0\nproc3 22 0 4084749\n';
  assert.deepEqual(parseNfsClient(text), {
    call: 4329785,
    retransmission: 12,
    authentication_refresh: 4338291,
  });
  assert.equal(parseNfsClient('rpc 1 2\n'), undefined);
  fc.assert(fc.property(fc.string({ unit: 'binary' }), (text) => void parseNfsClient(text)));
});
