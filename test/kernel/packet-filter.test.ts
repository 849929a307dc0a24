/** Filters as libpcap compiles them; bpf/include/packet_filter.h runs them (test/bpf/packet-filter.kernel.test.ts). */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { compilePacketFilter } from '../../src/kernel/packet-filter.ts';

/** Whether the library is there; without it the error says what to install. */
const skip = await compilePacketFilter('tcp').then(
  () => false,
  (error: { readonly code: string; readonly message: string }) => {
    assert.equal(error.code, 'LIBPCAP_MISSING');
    assert.match(error.message, /install libpcap .*or leave the key filter of the collector empty/);
    return error.message;
  },
);

test('no filter needs no library', async () => {
  assert.deepEqual(await compilePacketFilter(''), []);
  assert.deepEqual(await compilePacketFilter('  '), []);
});

test('instructions begin with a load and end with a return', { skip }, async () => {
  const program = await compilePacketFilter('tcp port 80');
  const codes = program.map((instruction) => Number(instruction & 0xffffn));
  // ldh [12] and ret.
  assert.equal(codes[0], 0x28);
  assert.equal((program[0] ?? 0n) >> 32n, 12n);
  assert.equal(codes.at(-1), 0x06);
});

test('what libpcap refuses is refused with its words, and too much of it with the number', {
  skip,
}, async () => {
  await assert.rejects(compilePacketFilter('tcp and prt 80'), {
    code: 'COLLECTOR_INVALID',
    message: /in place of 'tcp and prt 80', found syntax error/,
  });
  const many = Array.from({ length: 200 }, (_, port) => `port ${1000 + port * 2}`).join(' or ');
  await assert.rejects(compilePacketFilter(many), { message: /of \d+ instructions, more than 256/ });
});
