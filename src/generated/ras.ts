// Generated from bpf/ras.bpf.c by `npm run build`: change the struct there.

import type { MapOf, ObjectBinding } from '../sdk/binding.ts';

/**
 * The hardware, its firmware or a driver reports an error of the hardware.
 * Payload (`tracer_data`) of one document. The bytes on disk are exact; a number above 2^53 loses its last digits when
 * JSON is parsed.
 */
export interface RasEvent {
  /** Who found it; the object of that name has what it says [name; the number when it has none] */
  event: 'MCE' | 'EDAC' | 'NON_STANDARD' | 'AER' | 'MCE_THRESHOLD' | 'ARM_GHES' | 'EXTLOG' | number;
  /** How bad it is [name; the number when it has none] */
  type:
    | 'Corrected'
    | 'UncorrectedRecoverable'
    | 'UncorrectedDeferred'
    | 'UncorrectedFatal'
    | 'Info'
    | 'unknown'
    | number;
  /** Of MCE */
  mce?: {
    /** IA32_MCG_CAP: what the CPU can report [hexadecimal, 0x…] */
    mcg_cpu_cap: string;
    /** IA32_MCG_STATUS [hexadecimal, 0x…] */
    mcg_msr_status: string;
    /** IA32_MCi_STATUS of the bank [hexadecimal, 0x…] */
    banks_msr_status: string;
    /** IA32_MCi_ADDR of the bank [hexadecimal, 0x…] */
    banks_msr_addr: string;
    /** IA32_MCi_MISC of the bank [hexadecimal, 0x…] */
    banks_msr_misc: string;
    /** MCA_SYND, on AMD [hexadecimal, 0x…] */
    mca_synd_msr: string;
    /** MCA_IPID, on AMD [hexadecimal, 0x…] */
    mca_ipid_msr: string;
    /** Where the CPU was [hexadecimal, 0x…] */
    instr_pointer: string;
    /** Time stamp counter at the error [hexadecimal, 0x…] */
    tsc_timestamp: string;
    /** CPUID 1 EAX: family, model, stepping [hexadecimal, 0x…] */
    cpuid: string;
    /** When the record was made, in seconds since 1970 [identifier] */
    walltime: number;
    /** The CPU, as the kernel counts them [identifier] */
    cpu: number;
    /** Its APIC id [identifier] */
    apicid: number;
    /** Its socket [identifier] */
    socketid: number;
    /** Code segment it ran in [identifier] */
    code_seg: number;
    /** Bank of registers that has the error [identifier] */
    bank: number;
    /** 0 is Intel, 2 AMD (X86_VENDOR_*) [identifier] */
    cpuvendor: number;
  };
  /** Of EDAC */
  edac?: {
    /** Physical address [hexadecimal, 0x…] */
    addr: string;
    /** Syndrome of the error [hexadecimal, 0x…] */
    syndrome: string;
    /** How exact the address is [bytes] */
    grain_bytes: number;
    /** Errors that this record stands for [count] */
    err_count: number;
    /** Memory controller [identifier] */
    mc_index: number;
    /** Where it is, from the top: branch, channel, slot; -1 is unknown [signed number] */
    top_layer: number;
    /** Likewise, below it [signed number] */
    mid_layer: number;
    /** Likewise, lowest [signed number] */
    low_layer: number;
    /** What the driver says it is [text] */
    err_msg: string;
    /** Label of the memory module on the board [text] */
    label: string;
    /** What else the driver says [text] */
    driver: string;
  };
  /** Of NON_STANDARD */
  non_standard?: {
    /** Size of the record; raw_data may have less of it [bytes] */
    data_bytes: number;
    /** 0 none, 1 corrected, 2 recoverable, 3 fatal (GHES_SEV_*) [identifier] */
    severity: number;
    /** GUID of the record's format [text] */
    sec_type: string;
    /** GUID of the part that can be replaced [text] */
    fru_id: string;
    /** Its name [text] */
    fru_text: string;
  };
  /** Of AER */
  aer?: {
    /** Bits of the uncorrectable or correctable error status register, without those masked [hexadecimal, 0x…] */
    status: string;
    /** First 16 bytes of the packet; 0 when there is none [hexadecimal, 0x…] */
    tlp_header: string[];
    /** PCI address of the device [text] */
    dev_name: string;
    /** 0 non-fatal, 1 fatal, 2 correctable (AER_*) [identifier] */
    severity: number;
  };
  /** Of MCE_THRESHOLD */
  mce_threshold?: {
    /** Interrupt vector [identifier] */
    vector: number;
    /** CPU that was interrupted [identifier] */
    cpu: number;
  };
  /** Of ARM_GHES */
  arm_ghes?: {
    /** MPIDR_EL1: which CPU [hexadecimal, 0x…] */
    mpidr: string;
    /** MIDR_EL1: which kind of CPU [hexadecimal, 0x…] */
    midr: string;
    /** 1 when it runs [identifier] */
    running_state: number;
    /** State of one that does not run [identifier] */
    psci_state: number;
    /** Part of the CPU hierarchy that the error is of [identifier] */
    affinity_level: number;
  };
  /** Of EXTLOG */
  extlog?: {
    /** Physical address [hexadecimal, 0x…] */
    physical_addr: string;
    /** Its bits that count [hexadecimal, 0x…] */
    physical_addr_mask: string;
    /** Number of the record [identifier] */
    err_seq: number;
    /** Kind of memory error (UEFI, appendix N) [identifier] */
    error_type: number;
    /** Where it is: node [identifier] */
    node: number;
    /** Likewise: card [identifier] */
    card: number;
    /** Likewise: module [identifier] */
    module: number;
    /** Likewise: bank [identifier] */
    bank: number;
    /** Likewise: device [identifier] */
    device: number;
    /** Likewise: row [identifier] */
    row: number;
    /** Likewise: column [identifier] */
    column: number;
    /** GUID of the part that can be replaced [text] */
    fru_id: string;
    /** Its name [text] */
    fru_text: string;
  };
  /** What kind of hardware it is [name; the number when it has none] */
  dev: 'cpu' | 'memory' | 'pcie' | 'firmware' | number;
  /** How a vendor's own record begins; empty for others [hexadecimal digits] */
  raw_data: string;
}

/** What `ctx` of the collector `ras` knows of its object. */
export interface RasObject {
  event: RasEvent;
  options: {
    /** Events beyond this rate are counted as rate limited, not written, 0 is no limit; the counters have them all */
    max_events_per_second_per_cpu: number;
    /** After an MCE_THRESHOLD, others are counted as rate limited for this long */
    threshold_interval_ns: number;
  };
  maps: {
    errors: MapOf<'mce' | 'edac' | 'acpi' | 'aer' | 'thr' | 'arm_ghes' | number, number>;
  };
}

export const ras: ObjectBinding<RasObject> = { object: 'ras' };
