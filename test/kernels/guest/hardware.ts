/** Faults of hardware, by what the kernel has to try them: it reports them as if the hardware had. */
import { existsSync, writeFileSync } from 'node:fs';
import type { Finding } from '../report.ts';
import { document } from './agent.ts';
import { ok, run, wrong } from './commands.ts';

const AER_INJECT = '/dev/aer_inject';
const MCE_INJECT = '/sys/kernel/debug/mce-inject';
/** PCI_ERR_COR_BAD_TLP */
const BAD_TLP = 0x40;
/** MCI_STATUS_VAL | MCI_STATUS_EN | MCI_STATUS_ADDRV, and a cache error: corrected. */
const STATUS = 0x9400_0000_0000_0135n;
const ADDRESS = 0x1234_5678n;
/** Banks 0 and 1 of some CPUs have rules of their own. */
const BANK = 4;

export async function ras(): Promise<Finding> {
  const findings = [await packetError(), await machineCheck()].filter((finding) => finding !== undefined);
  const wrongs = findings.filter(({ result }) => result === 'wrong');
  if (findings.length === 0) return wrong('the kernel has neither aer_inject nor mce-inject');
  return wrongs[0] ?? ok(findings.map(({ note }) => note).join(', '));
}

/** Of the root port. */
async function packetError(): Promise<Finding | undefined> {
  if (!existsSync(AER_INJECT)) return undefined;
  const address = (await run('sh', '-c', PORT)).trim();
  const [, bus = '', device = '', port = ''] = /^\w+:(\w+):(\w+)\.(\w)$/.exec(address) ?? [];
  // struct aer_error_inj, drivers/pci/pcie/aer_inject.c
  const error = Buffer.alloc(32);
  for (const [offset, text] of [bus, device, port].entries())
    error.writeUInt8(Number.parseInt(text, 16), offset);
  error.writeUInt32LE(BAD_TLP, 8);
  writeFileSync(AER_INJECT, error);
  const found = await document('ras', ({ data }) => data.event === 'AER');
  if (!found) return wrong('no document of a PCI Express error');
  const aer = found.data.aer as Readonly<Record<string, unknown>>;
  const isIt = aer.dev_name === address && aer.status === `0x${BAD_TLP.toString(16)}` && aer.severity === 2;
  const log = await run('dmesg');
  if (!isIt || (!log.includes(`${address}: AER:`) && !/BadTLP/.test(log)))
    return wrong(`a PCI Express error of ${address}: ${found.text}`);
  return ok('a bad packet of a PCI Express port');
}

/** Address of the port that reports errors. */
const PORT =
  'for p in /sys/bus/pci_express/devices/*pcie002; do basename "$(dirname "$(readlink -f "$p")")"; break; done';

async function machineCheck(): Promise<Finding | undefined> {
  await run('sh', '-c', 'mountpoint -q /sys/kernel/debug || mount -t debugfs none /sys/kernel/debug');
  if (!existsSync(MCE_INJECT)) return undefined;
  const values = { flags: 'sw', cpu: 1, status: STATUS, addr: ADDRESS, bank: BANK };
  // What is written to `bank` sets it off.
  for (const [file, value] of Object.entries(values)) writeFileSync(`${MCE_INJECT}/${file}`, `${value}\n`);
  const found = await document('ras', ({ data }) => data.event === 'MCE');
  if (!found) return wrong('no document of a machine check');
  const mce = found.data.mce as Readonly<Record<string, unknown>>;
  const wanted = {
    banks_msr_status: `0x${STATUS.toString(16)}`,
    banks_msr_addr: `0x${ADDRESS.toString(16)}`,
    bank: BANK,
  };
  const isIt = Object.entries(wanted).every(([key, value]) => mce[key] === value);
  return isIt ? ok('a machine check') : wrong(`a machine check: ${found.text}`);
}
