/** Bits of PCI Express error status registers by name: PCI_ERR_UNC_* and PCI_ERR_COR_* of include/uapi/linux/pci_regs.h. */

const UNCORRECTABLE: Readonly<Record<number, string>> = {
  4: 'data link protocol',
  5: 'surprise down',
  12: 'poisoned TLP',
  13: 'flow control protocol',
  14: 'completion timeout',
  15: 'completer abort',
  16: 'unexpected completion',
  17: 'receiver overflow',
  18: 'malformed TLP',
  19: 'ECRC',
  20: 'unsupported request',
  21: 'ACS violation',
  22: 'uncorrectable internal error',
  23: 'MC blocked TLP',
  24: 'AtomicOp egress blocked',
  25: 'TLP prefix blocked',
  26: 'poisoned TLP egress blocked',
};

const CORRECTABLE: Readonly<Record<number, string>> = {
  0: 'receiver error',
  6: 'bad TLP',
  7: 'bad DLLP',
  8: 'RELAY_NUM rollover',
  12: 'replay timer timeout',
  13: 'advisory non-fatal error',
  14: 'corrected internal error',
  15: 'header log overflow',
};

/** AER_CORRECTABLE of include/linux/aer.h. */
const AER_CORRECTABLE = 2;
const REGISTER_BITS = 32;

/** The name of each bit that is set; one without a name by its number. @param status the register, as `0x…` */
export function aerReasons(status: string, severity: number): string[] {
  const names = severity === AER_CORRECTABLE ? CORRECTABLE : UNCORRECTABLE;
  const bits = BigInt(status);
  return Array.from({ length: REGISTER_BITS }, (_, bit) => bit)
    .filter((bit) => (bits >> BigInt(bit)) & 1n)
    .map((bit) => names[bit] ?? `bit ${bit}`);
}
