/** Against the encoder of protobufjs, and against bytes that no encoder makes. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fromJSON, type MethodDefinition, type ServiceDefinition } from '@grpc/proto-loader';
import fc from 'fast-check';
import { ANSWERS, type CriMethod } from '../../../src/containers/sources/cri-proto.ts';
import {
  decode,
  list,
  message,
  type Shape,
  TEXT,
  TEXT_MAP,
} from '../../../src/containers/sources/protobuf.ts';
import { CRI_V1, RUNTIME_SERVICE } from './cri-api.ts';

const SERVICE = fromJSON(CRI_V1, { keepCase: true, longs: String })[RUNTIME_SERVICE] as ServiceDefinition;

function encoded(name: CriMethod, answer: object): Buffer {
  return (SERVICE[name] as MethodDefinition<object, object>).responseSerialize(answer);
}

/** Plain objects all the way. */
const plain = (decoded: object): unknown => JSON.parse(JSON.stringify(decoded));

test('what an encoder wrote is read, without the fields that are not used', () => {
  const container = {
    id: 'c1',
    pod_sandbox_id: 'p1',
    metadata: { name: 'web "\n ä 𝄞' },
    image: { image: 'a:1', user_specified_image: 'b:1' },
    image_ref: '',
    labels: { a: '', '': 'b', constructor: 'c' },
  };
  const more = { state: 1, created_at: '5', annotations: { x: 'y'.repeat(300) } };
  const answer = encoded('ListContainers', { containers: [{ ...container, ...more }, {}] });
  assert.deepEqual(plain(decode(answer, ANSWERS.ListContainers)), { containers: [container, {}] });
});

test('64-bit integers are exact, with their sign', () => {
  for (const created_at of ['1700000001500000001', '9223372036854775807', '-9223372036854775808', '0'])
    assert.deepEqual(
      plain(decode(encoded('ListPodSandbox', { items: [{ created_at }] }), ANSWERS.ListPodSandbox)),
      { items: [{ created_at }] },
    );
});

test('a label called __proto__ is no prototype', () => {
  const entry = Buffer.from('\x0a\x09__proto__\x12\x01x');
  const bytes = Buffer.concat([Buffer.of(0x0a, entry.length), entry]);
  const { labels } = decode(bytes, { labels: [1, TEXT_MAP] }) as { labels: object };
  assert.deepEqual(Object.entries(labels), [['__proto__', 'x']]);
  assert.equal(Object.getPrototypeOf(labels), null);
});

test('a field of another wire type is skipped like an unknown one, groups with all they hold', () => {
  const name = [0x12, 0x01, 0x78];
  for (const other of [
    [0x10, 0x05],
    [0x15, 1, 2, 3, 4],
    [0x11, 1, 2, 3, 4, 5, 6, 7, 8],
    [0x1b, 0x12, 0x01, 0x79, 0x1c],
    [0xfa, 0xff, 0xff, 0xff, 0x0f, 0x01, 0x7a],
  ])
    assert.deepEqual(decode(Uint8Array.from([...other, ...name, ...other]), { name: [2, TEXT] }), {
      name: 'x',
    });
});

test('a message that was cut, reaches beyond its end or nests without one is refused', () => {
  const shape: Shape = { inner: [1, message({ text: [1, TEXT] })] };
  for (const [what, bytes] of [
    ['a tag alone', [0x0a]],
    ['a length beyond the end', [0x0a, 0x05, 0x01]],
    ['a text beyond the end of its message', [0x0a, 0x02, 0x0a, 0x05, 1, 2, 3, 4, 5]],
    ['an unknown field beyond the end', [0x12, 0x7f]],
    ['field number 0', [0x02, 0x00]],
    ['a wire type that does not exist', [0x0f]],
    ['a number without an end', Array(20).fill(0xff)],
    ['the end of a group that did not begin', [0x0c]],
    ['groups without an end', Array(1_000_000).fill(0x13)],
  ] as const)
    assert.throws(() => decode(Uint8Array.from(bytes), shape), Error, what);
});

test('entries of a list above its limit are counted, not decoded', () => {
  const bytes = new Uint8Array(2_000).map((_, at) => (at % 2 === 0 ? 0x0a : 0));
  const { items } = decode(bytes, { items: [1, list({}, 3)] }) as { items: unknown[] };
  assert.equal(items.length, 1000);
  assert.deepEqual(items.slice(2, 4), [{}, undefined]);
});

test('any bytes are decoded or refused with an error', () => {
  const valid = encoded('ListContainers', {
    containers: [{ id: 'c1', metadata: { name: 'web' }, labels: { a: 'b' }, created_at: '7' }],
  });
  const damaged = fc
    .tuple(fc.nat(valid.length - 1), fc.uint8Array({ maxLength: 8 }), fc.nat(8))
    .map(([at, bytes, cut]) => Buffer.concat([valid.subarray(0, at), bytes, valid.subarray(at + cut)]));
  fc.assert(
    fc.property(fc.oneof(damaged, fc.uint8Array({ maxLength: 64 })), (bytes) => {
      try {
        assert.equal(typeof decode(bytes, ANSWERS.ListContainers), 'object');
      } catch (error) {
        assert.ok(error instanceof Error && !(error instanceof TypeError), String(error));
      }
    }),
    { numRuns: 2_000 },
  );
});
