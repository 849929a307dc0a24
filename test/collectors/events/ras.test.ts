/** Records of hardware that is not here, as the programs fill them, through the real decoder and the real `enrich`. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import ras from '../../../src/collectors/events/ras.ts';
import { aerReasons } from '../../../src/collectors/events/ras-aer.ts';
import { builtInProblems } from '../../support/document-schema.ts';
import { eventRecord, type FieldValues } from '../../support/event-record.ts';
import { decodeRecords } from '../../support/ring-recording.ts';

type Data = Readonly<Record<string, unknown>>;

async function documentOf(values: FieldValues): Promise<Data> {
  const line = decodeRecords('ras', [eventRecord('ras', { time: 1_000_000_000n, ...values })]);
  const { tracer_data, severity } = JSON.parse(line) as { tracer_data: Data; severity: string };
  assert.equal(severity, 'warning');
  const enrich = 'enrich' in ras ? ras.enrich : undefined;
  assert.ok(enrich);
  const data = ((await enrich(tracer_data, undefined as never)) ?? tracer_data) as Data;
  assert.deepEqual(builtInProblems('ras', data), []);
  return data;
}

test('a machine check has its registers in hexadecimal, exactly, and nothing of the others', async () => {
  assert.deepEqual(
    await documentOf({
      event: 'MCE',
      type: 'UncorrectedFatal',
      dev: 'cpu',
      mce: {
        banks_msr_status: 0xbe00_0000_0010_0134n,
        banks_msr_addr: 0x7_1234_5678n,
        instr_pointer: 0xffff_ffff_8100_0000n,
        cpuid: 0x50654,
        walltime: 1_767_225_600,
        cpu: 3,
        apicid: 6,
        bank: 1,
      },
    }),
    {
      event: 'MCE',
      type: 'UncorrectedFatal',
      mce: {
        mcg_cpu_cap: '0x0',
        mcg_msr_status: '0x0',
        banks_msr_status: '0xbe00000000100134',
        banks_msr_addr: '0x712345678',
        banks_msr_misc: '0x0',
        mca_synd_msr: '0x0',
        mca_ipid_msr: '0x0',
        instr_pointer: '0xffffffff81000000',
        tsc_timestamp: '0x0',
        cpuid: '0x50654',
        walltime: 1_767_225_600,
        cpu: 3,
        apicid: 6,
        socketid: 0,
        code_seg: 0,
        bank: 1,
        cpuvendor: 0,
      },
      dev: 'cpu',
      raw_data: '',
    },
  );
});

test('a PCI Express error says what each of its bits means', async () => {
  const { aer } = await documentOf({
    event: 'AER',
    type: 'UncorrectedRecoverable',
    dev: 'pcie',
    aer: {
      dev_name: '0000:3b:00.0',
      status: (1 << 14) | (1 << 20),
      tlp_header: [0x4000_0001_0000_000fn, 0n],
    },
  });
  assert.deepEqual(aer, {
    status: '0x104000',
    tlp_header: ['0x400000010000000f', '0x0'],
    dev_name: '0000:3b:00.0',
    severity: 0,
    err_reason: ['completion timeout', 'unsupported request'],
  });
});

test('the same bit means something else when the error was corrected; one without a name has its number', () => {
  assert.deepEqual(aerReasons('0x1000', 2), ['replay timer timeout']);
  assert.deepEqual(aerReasons('0x1000', 0), ['poisoned TLP']);
  assert.deepEqual(aerReasons('0x80000000', 1), ['bit 31']);
  assert.deepEqual(aerReasons('0x0', 1), []);
});

test('a threshold and an entry of the extended log are told under their own names', async () => {
  assert.partialDeepStrictEqual(
    await documentOf({
      event: 'MCE_THRESHOLD',
      type: 'Corrected',
      dev: 'cpu',
      mce_threshold: { vector: 249, cpu: 1 },
    }),
    { event: 'MCE_THRESHOLD', mce_threshold: { vector: 249, cpu: 1 } },
  );
  assert.partialDeepStrictEqual(
    await documentOf({
      event: 'EXTLOG',
      type: 'Corrected',
      dev: 'memory',
      extlog: { physical_addr: 0x1000, bank: 2, fru_text: 'DIMM "3"' },
    }),
    { event: 'EXTLOG', dev: 'memory', extlog: { physical_addr: '0x1000', bank: 2, fru_text: 'DIMM "3"' } },
  );
});
