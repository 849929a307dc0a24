/**
 * The real programs on records that the test makes up in the kernel's memory, by the kernel's own layout: no hardware here
 * fails on demand. What this kernel has no tracepoint for (machine checks, AER, extended log) is not loaded here; see ras.test.ts.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CollectorHarness } from '../../support/collector-harness.ts';
import { skipWithoutKernelType } from '../../support/kernel.ts';
import { KernelMemory, runProgram } from '../../support/kernel-memory.ts';
import { sampleValue } from '../../support/prometheus-text.ts';

const GUID = Uint8Array.from(Buffer.from('0405060708090a0b0c0d0e0f10111213', 'hex'));
const counted = async (collector: CollectorHarness, type: string): Promise<number> =>
  sampleValue(await collector.scrape(), 'huatuo_bamai_ras_hw_err_total', { type });

test('an error of a memory controller is told with its place and what the driver says', {
  skip: skipWithoutKernelType('btf_trace_mc_event'),
}, async () => {
  await using collector = await CollectorHarness.load('ras');
  using memory = await KernelMemory.allocate();
  runProgram('memory_controller', [
    1n,
    memory.text('read error'),
    memory.text('DIMM_A1'),
    3n,
    2n,
    0n,
    1n,
    -1n,
    0x12_3456_7000n,
    12n,
    0xabn,
    memory.text('rank 1 "quoted"'),
  ]);
  await collector.recordMaps();
  const [document, ...others] = await collector.documents();
  assert.deepEqual(others, []);
  assert.deepEqual(document?.data, {
    event: 'EDAC',
    type: 'UncorrectedRecoverable',
    edac: {
      addr: '0x1234567000',
      syndrome: '0xab',
      grain_bytes: 4096,
      err_count: 3,
      mc_index: 2,
      top_layer: 0,
      mid_layer: 1,
      low_layer: -1,
      err_msg: 'read error',
      label: 'DIMM_A1',
      driver: 'rank 1 "quoted"',
    },
    dev: 'memory',
    raw_data: '',
  });
  assert.equal(await counted(collector, 'edac'), 1);
});

test("a vendor's record is told with its GUIDs as the kernel prints them, and how it begins", {
  skip: skipWithoutKernelType('btf_trace_non_standard_event'),
}, async () => {
  await using collector = await CollectorHarness.load('ras');
  using memory = await KernelMemory.allocate();
  const data = Buffer.alloc(600, 0xee);
  const address = memory.put(GUID);
  const args = [address, address, memory.text('Slot 4'), 3n, memory.put(data)];
  runProgram('vendor_record', [...args, 600n]);
  runProgram('vendor_record', [...args, 2n]);
  const [long, short] = (await collector.documents()).map(({ data }) => data);
  assert.deepEqual(long, {
    event: 'NON_STANDARD',
    type: 'UncorrectedFatal',
    non_standard: {
      data_bytes: 600,
      severity: 3,
      sec_type: '07060504-0908-0b0a-0c0d-0e0f10111213',
      fru_id: '07060504-0908-0b0a-0c0d-0e0f10111213',
      fru_text: 'Slot 4',
    },
    dev: 'firmware',
    raw_data: 'ee'.repeat(512),
  });
  assert.equal(short?.raw_data, 'eeee');
  assert.equal(await counted(collector, 'acpi'), 2);
});

test('an error of an Arm CPU is told with which one and its state', {
  skip: skipWithoutKernelType('btf_trace_arm_event'),
}, async () => {
  await using collector = await CollectorHarness.load('ras');
  using memory = await KernelMemory.allocate();
  const section = Buffer.alloc(64);
  section.writeUInt8(2, memory.offset('arm.affinity_level'));
  section.writeBigUInt64LE(0x8000_0100n, memory.offset('arm.mpidr'));
  section.writeBigUInt64LE(0x410f_d0c0n, memory.offset('arm.midr'));
  section.writeUInt32LE(1, memory.offset('arm.running_state'));
  section.writeUInt32LE(4, memory.offset('arm.psci_state'));
  runProgram('arm_processor', [memory.put(section), 0n, 0n, 0n, 0n, 0n, 0n, 1n, 0n]);
  const [document] = await collector.documents();
  assert.partialDeepStrictEqual(document?.data, {
    event: 'ARM_GHES',
    dev: 'cpu',
    arm_ghes: {
      mpidr: '0x80000100',
      midr: '0x410fd0c0',
      running_state: 1,
      psci_state: 4,
      affinity_level: 2,
    },
  });
  assert.equal(await counted(collector, 'arm_ghes'), 1);
});
