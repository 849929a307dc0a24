import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { HuatuoError } from '../../src/error.ts';
import { Attributes } from '../../src/netlink/attributes.ts';
import { linkMessage } from '../../src/netlink/link.ts';
import { dumpRequest, meaningOf, messagesIn } from '../../src/netlink/message.ts';
import {
  attribute,
  link,
  message,
  NLM_F_MULTI,
  NLMSG_DONE,
  NLMSG_ERROR,
  RTM_DELLINK,
  RTM_NEWLINK,
  text,
  u8,
  u16,
  u32,
} from './bytes.ts';

const MALFORMED = { code: 'SOURCE_UNREADABLE' };

test('messages come back as they were written, whatever their sizes', () => {
  const fields = {
    type: fc.integer({ min: 16, max: 0xffff }),
    flags: fc.integer({ min: 0, max: 0xffff }),
    payload: fc.uint8Array({ maxLength: 40 }),
  };
  const one = fc.record(fields, { noNullPrototype: true });
  fc.assert(
    fc.property(fc.array(one, { maxLength: 8 }), (written) => {
      const datagram = Buffer.concat(written.map((part) => message(part.type, part.flags, part.payload)));
      const read = messagesIn(datagram).map((part) => ({ ...part, payload: Uint8Array.from(part.payload) }));
      assert.deepEqual(read, written);
    }),
  );
});

test('attributes come back as they were written; the last of one type counts, and flags of the type do not', () => {
  const one = fc.tuple(fc.integer({ min: 0, max: 0x3fff }), fc.uint8Array({ maxLength: 20 }));
  fc.assert(
    fc.property(fc.array(one, { maxLength: 12 }), fc.constantFrom(0, 0x8000, 0x4000), (written, flags) => {
      const bytes = Buffer.concat(written.map(([type, value]) => attribute(type | flags, value)));
      const attributes = new Attributes(bytes);
      for (const [type, value] of new Map(written)) {
        const hex = Array.from(value, (byte) => byte.toString(16).padStart(2, '0')).join(':');
        assert.equal(attributes.address(type), hex);
      }
      assert.equal(attributes.has(0x3fff), new Map(written).has(0x3fff));
    }),
  );
});

test('no bytes make the readers do anything but answer or refuse', () => {
  const bytes = fc.oneof(
    fc.uint8Array({ maxLength: 120 }),
    // Messages that are whole, with attributes that are not.
    fc
      .tuple(fc.constantFrom(RTM_NEWLINK, RTM_DELLINK), fc.uint8Array({ maxLength: 60 }))
      .map(([type, rest]) => message(type, 0, link(1, 1), rest)),
  );
  fc.assert(
    fc.property(bytes, (datagram) => {
      try {
        for (const one of messagesIn(datagram)) {
          meaningOf(one);
          linkMessage(one);
        }
      } catch (error) {
        assert.ok(error instanceof HuatuoError && error.code === 'SOURCE_UNREADABLE', String(error));
      }
    }),
    { numRuns: 2000 },
  );
});

test('a message or attribute that is cut off anywhere is refused, with both lengths', () => {
  const whole = message(RTM_NEWLINK, 0, link(7, 1, attribute(3, text('eth0')), attribute(4, u32(1500))));
  for (let length = 1; length < whole.byteLength; length++)
    assert.throws(() => messagesIn(whole.subarray(0, length)), {
      ...MALFORMED,
      message: /bytes for a length/,
    });

  // The message itself says that it is shorter.
  for (let length = 17; length < whole.byteLength; length++) {
    const cut = Uint8Array.from(whole.subarray(0, length));
    new DataView(cut.buffer).setUint32(0, length, true);
    const [only] = messagesIn(cut);
    assert.ok(only);
    // Behind the head, and behind the name with or without its padding.
    if (length === 32 || (length >= 41 && length <= 44)) linkMessage(only);
    else assert.throws(() => linkMessage(only), MALFORMED, `${length}`);
  }
});

test('a number of another size than its attribute has is refused, not cut', () => {
  const attributes = new Attributes(Buffer.concat([attribute(1, u16(5)), attribute(2, u32(6))]));
  assert.deepEqual([attributes.u16(1), attributes.u32(2), attributes.u8(9)], [5, 6, undefined]);
  assert.throws(() => attributes.u32(1), MALFORMED);
  assert.throws(() => attributes.u8(2), MALFORMED);
});

test('text ends at its NUL, or where the attribute does', () => {
  const bytes = Buffer.concat([attribute(1, text('bond0'), u8(7)), attribute(2, Buffer.from('whole'))]);
  const attributes = new Attributes(bytes);
  assert.deepEqual(
    [attributes.text(1), attributes.text(2), attributes.text(3)],
    ['bond0', 'whole', undefined],
  );
});

test('an error, an acknowledgement and the end of a dump are told apart, one that failed too', () => {
  const meaning = (type: number, errno: number): unknown => {
    const [only] = messagesIn(message(type, NLM_F_MULTI, u32(errno)));
    return only && meaningOf(only);
  };
  assert.deepEqual(meaning(NLMSG_ERROR, -1), { kind: 'error', errno: 1 });
  assert.deepEqual(meaning(NLMSG_ERROR, 0), { kind: 'error', errno: 0 });
  assert.deepEqual(meaning(NLMSG_DONE, 0), { kind: 'done' });
  assert.deepEqual(meaning(NLMSG_DONE, -12), { kind: 'error', errno: 12 });
  assert.deepEqual(meaning(1, 0), { kind: 'nothing' });
});

test('a device is read with what it is made of, and what nothing asks for is passed over', () => {
  const info = attribute(18, attribute(1, text('veth')), attribute(99, u32(1)));
  const payload = link(
    7,
    0x1,
    attribute(1, Uint8Array.of(2, 0, 0, 0, 0, 9)),
    attribute(3, text('eth0')),
    attribute(4, u32(9000)),
    attribute(10, u32(3)),
    attribute(16, u8(6)),
    attribute(33, u8(1)),
    attribute(35, u32(12)),
    attribute(77, Buffer.alloc(300)),
    info,
  );
  const expected = {
    index: 7,
    name: 'eth0',
    up: true,
    carrier: true,
    carrierChanges: 12,
    operstate: 'up',
    mtu: 9000,
    mac: '02:00:00:00:00:09',
    kind: 'veth',
    master: 3,
    bond: undefined,
  };
  const read = (bytes: Uint8Array): unknown => messagesIn(bytes).map(linkMessage);
  assert.deepEqual(read(message(RTM_NEWLINK, 0, payload)), [{ type: 'present', link: expected }]);
  assert.deepEqual(read(message(RTM_DELLINK, 0, payload)), [{ type: 'gone', link: expected, moved: false }]);
  const moved = message(RTM_DELLINK, 0, payload, attribute(49, u32(5)));
  assert.deepEqual(read(moved), [{ type: 'gone', link: expected, moved: true }]);
});

test('messages of bridges about their ports, and of wireless extensions, are no news of devices', () => {
  const ofBridge = Uint8Array.from(link(7, 1, attribute(3, text('eth0'))));
  ofBridge[0] = 7;
  assert.deepEqual(messagesIn(message(RTM_DELLINK, 0, ofBridge)).map(linkMessage), [undefined]);
  const wireless = message(RTM_NEWLINK, 0, link(7, 1, attribute(3, text('wlan0')), attribute(11, u32(1))));
  assert.deepEqual(messagesIn(wireless).map(linkMessage), [undefined]);
});

test('a request asks for all of one type', () => {
  assert.deepEqual(
    [...dumpRequest(18, u32(0x01020304))],
    [20, 0, 0, 0, 18, 0, 1, 3, 0, 0, 0, 0, 0, 0, 0, 0, 4, 3, 2, 1],
  );
});
