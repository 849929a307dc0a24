// Generated from struct ras_event of bpf/ras.bpf.c by the build: change it there.
import { drain } from '../drain';
import { bytes, chars, hex, separator, signed, text, unsigned } from '../json';

export { addLookup } from '../lookups';
export { walk } from '../ring';

/** Of the struct; of the first, when the ring has several. */
export const RECORD_BYTES: u32 = 1096;
/** The most that `write` writes. */
export const MAX_DATA_BYTES: usize = 7643;
export const STATIC_END: usize = __heap_base;

@unmanaged
class EventRecord {
  @inline get time_ns(): u64 { return load<u64>(changetype<usize>(this), 0); }
  @inline get cgroupId(): u64 { return 0; }
  @inline get netns(): u32 { return 0; }
  @inline get netnsOwnerKind(): u32 { return 0; }
  @inline get looksUp(): boolean { return false; }

  @inline fits(length: u32): boolean {
    const r = changetype<usize>(this);
    return length >= 1096 && load<u32>(r, 1092) <= min<u32>(length - 1096, 512);
  }

  @inline write(o: usize): usize {
    const r = changetype<usize>(this);
    o = text(o, ',"tracer_data":{"event":', 24);
    switch (load<u32>(r, 8)) {
      case 0: o = text(o, '"MCE"', 5); break;
      case 1: o = text(o, '"EDAC"', 6); break;
      case 2: o = text(o, '"NON_STANDARD"', 14); break;
      case 3: o = text(o, '"AER"', 5); break;
      case 4: o = text(o, '"MCE_THRESHOLD"', 15); break;
      case 5: o = text(o, '"ARM_GHES"', 10); break;
      case 6: o = text(o, '"EXTLOG"', 8); break;
      default: o = unsigned(o, load<u32>(r, 8));
    }
    o = text(o, ',"type":', 8);
    switch (load<u32>(r, 12)) {
      case 0: o = text(o, '"Corrected"', 11); break;
      case 1: o = text(o, '"UncorrectedRecoverable"', 24); break;
      case 2: o = text(o, '"UncorrectedDeferred"', 21); break;
      case 3: o = text(o, '"UncorrectedFatal"', 18); break;
      case 4: o = text(o, '"Info"', 6); break;
      case 5: o = text(o, '"unknown"', 9); break;
      default: o = unsigned(o, load<u32>(r, 12));
    }
    if (load<u64>(r, 16) != 0 || load<u64>(r, 24) != 0 || load<u64>(r, 32) != 0 || load<u64>(r, 40) != 0 || load<u64>(r, 48) != 0 || load<u64>(r, 56) != 0 || load<u64>(r, 64) != 0 || load<u64>(r, 72) != 0 || load<u64>(r, 80) != 0 || load<u64>(r, 88) != 0 || load<u64>(r, 96) != 0 || load<u64>(r, 104) != 0 || load<u64>(r, 112) != 0 || load<u64>(r, 120) != 0) {
      o = text(o, ',"mce":{"mcg_cpu_cap":"0x', 25);
      o = hex(o, load<u64>(r, 16));
      o = text(o, '","mcg_msr_status":"0x', 22);
      o = hex(o, load<u64>(r, 24));
      o = text(o, '","banks_msr_status":"0x', 24);
      o = hex(o, load<u64>(r, 32));
      o = text(o, '","banks_msr_addr":"0x', 22);
      o = hex(o, load<u64>(r, 40));
      o = text(o, '","banks_msr_misc":"0x', 22);
      o = hex(o, load<u64>(r, 48));
      o = text(o, '","mca_synd_msr":"0x', 20);
      o = hex(o, load<u64>(r, 56));
      o = text(o, '","mca_ipid_msr":"0x', 20);
      o = hex(o, load<u64>(r, 64));
      o = text(o, '","instr_pointer":"0x', 21);
      o = hex(o, load<u64>(r, 72));
      o = text(o, '","tsc_timestamp":"0x', 21);
      o = hex(o, load<u64>(r, 80));
      o = text(o, '","cpuid":"0x', 13);
      o = hex(o, load<u64>(r, 88));
      o = text(o, '","walltime":', 13);
      o = unsigned(o, load<u32>(r, 96));
      o = text(o, ',"cpu":', 7);
      o = unsigned(o, load<u32>(r, 100));
      o = text(o, ',"apicid":', 10);
      o = unsigned(o, load<u32>(r, 104));
      o = text(o, ',"socketid":', 12);
      o = unsigned(o, load<u32>(r, 108));
      o = text(o, ',"code_seg":', 12);
      o = unsigned(o, load<u32>(r, 112));
      o = text(o, ',"bank":', 8);
      o = unsigned(o, load<u32>(r, 116));
      o = text(o, ',"cpuvendor":', 13);
      o = unsigned(o, load<u32>(r, 120));
      o = text(o, '}', 1);
    }
    if (load<u64>(r, 128) != 0 || load<u64>(r, 136) != 0 || load<u64>(r, 144) != 0 || load<u64>(r, 152) != 0 || load<u64>(r, 160) != 0 || load<u64>(r, 168) != 0 || load<u64>(r, 176) != 0 || load<u64>(r, 184) != 0 || load<u64>(r, 192) != 0 || load<u64>(r, 200) != 0 || load<u64>(r, 208) != 0 || load<u64>(r, 216) != 0 || load<u64>(r, 224) != 0 || load<u64>(r, 232) != 0 || load<u64>(r, 240) != 0 || load<u64>(r, 248) != 0 || load<u64>(r, 256) != 0 || load<u64>(r, 264) != 0 || load<u64>(r, 272) != 0 || load<u64>(r, 280) != 0 || load<u64>(r, 288) != 0 || load<u64>(r, 296) != 0 || load<u64>(r, 304) != 0 || load<u64>(r, 312) != 0 || load<u64>(r, 320) != 0 || load<u64>(r, 328) != 0 || load<u64>(r, 336) != 0 || load<u64>(r, 344) != 0 || load<u64>(r, 352) != 0 || load<u64>(r, 360) != 0 || load<u64>(r, 368) != 0 || load<u64>(r, 376) != 0 || load<u64>(r, 384) != 0 || load<u64>(r, 392) != 0 || load<u64>(r, 400) != 0 || load<u64>(r, 408) != 0 || load<u64>(r, 416) != 0 || load<u64>(r, 424) != 0 || load<u64>(r, 432) != 0 || load<u64>(r, 440) != 0 || load<u64>(r, 448) != 0 || load<u64>(r, 456) != 0 || load<u64>(r, 464) != 0 || load<u64>(r, 472) != 0 || load<u64>(r, 480) != 0 || load<u64>(r, 488) != 0 || load<u64>(r, 496) != 0 || load<u64>(r, 504) != 0 || load<u64>(r, 512) != 0 || load<u64>(r, 520) != 0 || load<u64>(r, 528) != 0 || load<u64>(r, 536) != 0 || load<u64>(r, 544) != 0 || load<u64>(r, 552) != 0) {
      o = text(o, ',"edac":{"addr":"0x', 19);
      o = hex(o, load<u64>(r, 128));
      o = text(o, '","syndrome":"0x', 16);
      o = hex(o, load<u64>(r, 136));
      o = text(o, '","grain_bytes":', 16);
      o = unsigned(o, load<u64>(r, 144));
      o = text(o, ',"err_count":', 13);
      o = unsigned(o, load<u32>(r, 152));
      o = text(o, ',"mc_index":', 12);
      o = unsigned(o, load<u32>(r, 156));
      o = text(o, ',"top_layer":', 13);
      o = signed(o, load<i32>(r, 160));
      o = text(o, ',"mid_layer":', 13);
      o = signed(o, load<i32>(r, 164));
      o = text(o, ',"low_layer":', 13);
      o = signed(o, load<i32>(r, 168));
      o = text(o, ',"err_msg":"', 12);
      o = chars(o, r + 172, 128);
      o = text(o, '","label":"', 11);
      o = chars(o, r + 300, 128);
      o = text(o, '","driver":"', 12);
      o = chars(o, r + 428, 128);
      o = text(o, '"}', 2);
    }
    if (load<u64>(r, 560) != 0 || load<u64>(r, 568) != 0 || load<u64>(r, 576) != 0 || load<u64>(r, 584) != 0 || load<u64>(r, 592) != 0 || load<u64>(r, 600) != 0 || load<u64>(r, 608) != 0 || load<u64>(r, 616) != 0 || load<u64>(r, 624) != 0 || load<u64>(r, 632) != 0 || load<u64>(r, 640) != 0 || load<u64>(r, 648) != 0 || load<u64>(r, 656) != 0 || load<u64>(r, 664) != 0 || load<u64>(r, 672) != 0 || load<u64>(r, 680) != 0 || load<u64>(r, 688) != 0 || load<u64>(r, 696) != 0 || load<u64>(r, 704) != 0 || load<u64>(r, 712) != 0 || load<u64>(r, 720) != 0 || load<u64>(r, 728) != 0 || load<u64>(r, 736) != 0 || load<u64>(r, 744) != 0 || load<u64>(r, 752) != 0 || load<u64>(r, 760) != 0) {
      o = text(o, ',"non_standard":{"data_bytes":', 30);
      o = unsigned(o, load<u64>(r, 560));
      o = text(o, ',"severity":', 12);
      o = unsigned(o, load<u32>(r, 568));
      o = text(o, ',"sec_type":"', 13);
      o = chars(o, r + 572, 64);
      o = text(o, '","fru_id":"', 12);
      o = chars(o, r + 636, 64);
      o = text(o, '","fru_text":"', 14);
      o = chars(o, r + 700, 64);
      o = text(o, '"}', 2);
    }
    if (load<u64>(r, 768) != 0 || load<u64>(r, 776) != 0 || load<u64>(r, 784) != 0 || load<u64>(r, 792) != 0 || load<u64>(r, 800) != 0 || load<u64>(r, 808) != 0 || load<u64>(r, 816) != 0 || load<u64>(r, 824) != 0 || load<u64>(r, 832) != 0 || load<u64>(r, 840) != 0 || load<u64>(r, 848) != 0 || load<u64>(r, 856) != 0) {
      o = text(o, ',"aer":{"status":"0x', 20);
      o = hex(o, load<u64>(r, 768));
      o = text(o, '","tlp_header":[', 16);
      for (let i: usize = 0; i < 2; i++) {
        o = separator(o, i);
        o = text(o, '"0x', 3);
        o = hex(o, load<u64>(r + i * 8, 776));
        o = text(o, '"', 1);
      }
      o = text(o, '],"dev_name":"', 14);
      o = chars(o, r + 792, 64);
      o = text(o, '","severity":', 13);
      o = unsigned(o, load<u32>(r, 856));
      o = text(o, '}', 1);
    }
    if (load<u64>(r, 864) != 0) {
      o = text(o, ',"mce_threshold":{"vector":', 27);
      o = unsigned(o, load<u32>(r, 864));
      o = text(o, ',"cpu":', 7);
      o = unsigned(o, load<u32>(r, 868));
      o = text(o, '}', 1);
    }
    if (load<u64>(r, 872) != 0 || load<u64>(r, 880) != 0 || load<u64>(r, 888) != 0 || load<u64>(r, 896) != 0) {
      o = text(o, ',"arm_ghes":{"mpidr":"0x', 24);
      o = hex(o, load<u64>(r, 872));
      o = text(o, '","midr":"0x', 12);
      o = hex(o, load<u64>(r, 880));
      o = text(o, '","running_state":', 18);
      o = unsigned(o, load<u32>(r, 888));
      o = text(o, ',"psci_state":', 14);
      o = unsigned(o, load<u32>(r, 892));
      o = text(o, ',"affinity_level":', 18);
      o = unsigned(o, load<u32>(r, 896));
      o = text(o, '}', 1);
    }
    if (load<u64>(r, 904) != 0 || load<u64>(r, 912) != 0 || load<u64>(r, 920) != 0 || load<u64>(r, 928) != 0 || load<u64>(r, 936) != 0 || load<u64>(r, 944) != 0 || load<u64>(r, 952) != 0 || load<u64>(r, 960) != 0 || load<u64>(r, 968) != 0 || load<u64>(r, 976) != 0 || load<u64>(r, 984) != 0 || load<u64>(r, 992) != 0 || load<u64>(r, 1000) != 0 || load<u64>(r, 1008) != 0 || load<u64>(r, 1016) != 0 || load<u64>(r, 1024) != 0 || load<u64>(r, 1032) != 0 || load<u64>(r, 1040) != 0 || load<u64>(r, 1048) != 0 || load<u64>(r, 1056) != 0 || load<u64>(r, 1064) != 0 || load<u64>(r, 1072) != 0 || load<u64>(r, 1080) != 0) {
      o = text(o, ',"extlog":{"physical_addr":"0x', 30);
      o = hex(o, load<u64>(r, 904));
      o = text(o, '","physical_addr_mask":"0x', 26);
      o = hex(o, load<u64>(r, 912));
      o = text(o, '","err_seq":', 12);
      o = unsigned(o, load<u32>(r, 920));
      o = text(o, ',"error_type":', 14);
      o = unsigned(o, load<u32>(r, 924));
      o = text(o, ',"node":', 8);
      o = unsigned(o, load<u32>(r, 928));
      o = text(o, ',"card":', 8);
      o = unsigned(o, load<u32>(r, 932));
      o = text(o, ',"module":', 10);
      o = unsigned(o, load<u32>(r, 936));
      o = text(o, ',"bank":', 8);
      o = unsigned(o, load<u32>(r, 940));
      o = text(o, ',"device":', 10);
      o = unsigned(o, load<u32>(r, 944));
      o = text(o, ',"row":', 7);
      o = unsigned(o, load<u32>(r, 948));
      o = text(o, ',"column":', 10);
      o = unsigned(o, load<u32>(r, 952));
      o = text(o, ',"fru_id":"', 11);
      o = chars(o, r + 956, 64);
      o = text(o, '","fru_text":"', 14);
      o = chars(o, r + 1020, 64);
      o = text(o, '"}', 2);
    }
    o = text(o, ',"dev":', 7);
    switch (load<u32>(r, 1088)) {
      case 0: o = text(o, '"cpu"', 5); break;
      case 1: o = text(o, '"memory"', 8); break;
      case 2: o = text(o, '"pcie"', 6); break;
      case 3: o = text(o, '"firmware"', 10); break;
      default: o = unsigned(o, load<u32>(r, 1088));
    }
    o = text(o, ',"raw_data":"', 13);
    o = bytes(o, r + 1096, load<u32>(r, 1092));
    o = text(o, '"}}\n', 4);
    return o;
  }
}

export function decode(): void {
  drain<EventRecord>(MAX_DATA_BYTES);
}
