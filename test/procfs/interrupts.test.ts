import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { HuatuoError } from '../../src/error.ts';
import { parseInterrupts, parseSoftirqs, readInterrupts, readSoftirqs } from '../../src/procfs/interrupts.ts';

const namesOf = (text: string): Record<string, string> =>
  Object.fromEntries(parseInterrupts(text).sources.map(({ irq, name }) => [irq, name]));

test('interrupts of x86, by source and by CPU', () => {
  const { cpus, sources } = parseInterrupts(
    `           CPU0       CPU2
  0:         40          0   IO-APIC    2-edge      timer
 16:          7          1   IO-APIC   16-fasteoi   i801_smbus, ehci_hcd:usb1
 36:     585085    5586856 PCI-MSIX-0000:00:02.0   1-edge      virtio1-req.0
 40:          3          0 PCI-MSIX-0000:00:04.0   0-edge    
NMI:          5          6   Non-maskable interrupts
ERR:          9
`,
  );
  assert.deepEqual(
    sources.map(({ irq, name, count }) => [irq, name, count]),
    [
      ['0', 'timer', 40],
      ['16', 'i801_smbus, ehci_hcd:usb1', 8],
      ['36', 'virtio1-req.0', 6171941],
      ['40', '', 3],
      ['NMI', 'Non-maskable interrupts', 11],
      ['ERR', '', 9],
    ],
  );
  assert.deepEqual(
    [...cpus],
    [
      [0, 40 + 7 + 585085 + 3 + 5],
      [2, 1 + 5586856 + 6],
    ],
  );
});

test('interrupts of arm64', () => {
  assert.deepEqual(
    namesOf(`           CPU0       CPU1
 11:     123456     654321     GICv3  30 Level     arch_timer
 48:         12          0   ITS-MSI 524288 Edge      nvme0q0
IPI0:      4242       1111       Rescheduling interrupts
Err:          0
`),
    { 11: 'arch_timer', 48: 'nvme0q0', IPI0: 'Rescheduling interrupts', Err: '' },
  );
});

test('soft interrupts by vector and CPU, as many as there are', () => {
  const { cpus, vectors } = parseSoftirqs(
    '     CPU0       CPU1\n  HI:  3   0\n NET_RX:  12814431   46079039\n NEW:  1\n',
  );
  assert.deepEqual(cpus, [0, 1]);
  assert.deepEqual(
    [...vectors],
    [
      ['HI', [3, 0]],
      ['NET_RX', [12814431, 46079039]],
    ],
  );
});

test('a file without a line of CPUs is refused', () => {
  assert.throws(() => parseInterrupts('\n 0: 1\n', '/proc/interrupts'), {
    code: 'SOURCE_UNREADABLE',
    message: /\/proc\/interrupts:1/,
  });
  assert.equal(readInterrupts('/nonexistent'), undefined);
  assert.equal(readSoftirqs('/nonexistent'), undefined);
});

test('what is printed is parsed again; the sums by source and by CPU are equal', () => {
  const row = fc.tuple(fc.nat(4096), fc.array(fc.nat(), { minLength: 3, maxLength: 3 }));
  fc.assert(
    fc.property(fc.uniqueArray(row, { selector: ([irq]) => irq, maxLength: 20 }), (rows) => {
      const lines = rows.map(
        ([irq, counts]) => `${irq}: ${counts.join('  ')}  IR-PCI-MSI 1-edge      eth0-${irq}`,
      );
      const { cpus, sources } = parseInterrupts(['  CPU0  CPU1  CPU7', ...lines, ''].join('\n'));
      assert.deepEqual(
        sources.map(({ irq, name }) => [irq, name]),
        rows.map(([irq]) => [String(irq), `eth0-${irq}`]),
      );
      const sum = (numbers: Iterable<number>): number => [...numbers].reduce((total, one) => total + one, 0);
      assert.equal(sum(cpus.values()), sum(sources.map(({ count }) => count)));
    }),
  );
});

test('hostile text gives counts or a SOURCE_UNREADABLE', () => {
  const line = fc.oneof(
    fc.string(),
    fc.string().map((rest) => `7: 1 ${rest}`),
  );
  fc.assert(
    fc.property(fc.array(line, { maxLength: 5 }), fc.boolean(), (lines, hasHeader) => {
      try {
        const { sources } = parseInterrupts([...(hasHeader ? ['CPU0 CPU1'] : []), ...lines].join('\n'));
        for (const { count, irq } of sources) assert.ok(count >= 0 && irq !== '');
      } catch (error) {
        assert.ok(error instanceof HuatuoError && error.code === 'SOURCE_UNREADABLE');
      }
    }),
  );
});
