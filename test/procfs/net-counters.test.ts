import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { CounterColumns, parseNetCounters, parseNetCounters6 } from '../../src/procfs/net-counters.ts';

type Parse = typeof parseNetCounters;

function read(parse: Parse, text: string, isWanted = (_: string) => true): Record<string, number> {
  const found: Record<string, number> = {};
  parse(text, new CounterColumns(isWanted), (key, value) => {
    found[key] = value;
  });
  return found;
}

const SNMP = `Ip: Forwarding DefaultTTL InReceives
Ip: 2 64 948678
IcmpMsg: InType3 OutType8
IcmpMsg: 3 5
Tcp: RtoAlgorithm MaxConn CurrEstab RetransSegs
Tcp: 1 -1 7 784
`;

test('a pair of lines for each protocol', () => {
  assert.deepEqual(read(parseNetCounters, SNMP), {
    Ip_Forwarding: 2,
    Ip_DefaultTTL: 64,
    Ip_InReceives: 948678,
    IcmpMsg_InType3: 3,
    IcmpMsg_OutType8: 5,
    Tcp_RtoAlgorithm: 1,
    Tcp_MaxConn: -1,
    Tcp_CurrEstab: 7,
    Tcp_RetransSegs: 784,
  });
});

test('titles that change are read anew, and a title that stays is asked for its keys once', () => {
  const asked: string[] = [];
  const columns = new CounterColumns((key) => {
    asked.push(key);
    return key !== 'A_x';
  });
  const found: string[] = [];
  const onCounter = (key: string, value: number): void => void found.push(`${key} ${value}`);
  parseNetCounters('A: x y\nA: 1 2\n', columns, onCounter);
  parseNetCounters('A: x y\nA: 3 4\n', columns, onCounter);
  parseNetCounters('A: x y z\nA: 5 6 7\n', columns, onCounter);
  assert.deepEqual(found, ['A_y 2', 'A_y 4', 'A_y 6', 'A_z 7']);
  assert.deepEqual(asked, ['A_x', 'A_y', 'A_x', 'A_y', 'A_z']);
});

test('pairs that do not fit together are passed over', () => {
  assert.deepEqual(read(parseNetCounters, 'Tcp: a b\nUdp: 1 2\nUdp: c\nUdp: 3\n'), { Udp_c: 3 });
  assert.deepEqual(read(parseNetCounters, 'Tcp: a b\nTcp: 1\n'), { Tcp_a: 1 });
  assert.deepEqual(read(parseNetCounters, 'Tcp: a\nTcp: one\n'), {});
});

test('snmp6 has a line for each counter, and its protocols end with a 6', () => {
  const text =
    'Ip6InReceives                   \t71\nIcmp6OutType133\t2\nUdpLite6InErrors  \t0\nodd\t1\n6x\t1\nIp6\t1\nIp6x 1\n';
  assert.deepEqual(read(parseNetCounters6, text), {
    Ip6_InReceives: 71,
    Icmp6_OutType133: 2,
    UdpLite6_InErrors: 0,
  });
});

test('no text makes them do anything but skip, and keys are always fit for a name', () => {
  const text = fc.string({ unit: fc.constantFrom('\n', ' ', ':', '1', 'A', '6', '-', '\t', '"') });
  fc.assert(
    fc.property(text, (one) => {
      for (const parse of [parseNetCounters, parseNetCounters6])
        for (const [key, value] of Object.entries(read(parse, one))) {
          assert.match(key, /^\w+$/);
          assert.ok(Number.isFinite(value));
        }
    }),
  );
});
