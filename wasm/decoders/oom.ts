// Generated from struct oom_event of bpf/oom.bpf.c by the build: change it there.
import { drain } from '../drain';
import { chars, signed, text, unsigned } from '../json';
import { known } from '../lookups';

export { addLookup } from '../lookups';
export { walk } from '../ring';

/** Of the struct; of the first, when the ring has several. */
export const RECORD_BYTES: u32 = 432;
/** The most that `write` writes. */
export const MAX_DATA_BYTES: usize = 10755;
export const STATIC_END: usize = __heap_base;

@unmanaged
class EventRecord {
  @inline get time_ns(): u64 { return load<u64>(changetype<usize>(this), 0); }
  @inline get cgroupId(): u64 { return load<u64>(changetype<usize>(this), 8); }
  @inline get netns(): u32 { return 0; }
  @inline get netnsOwnerKind(): u32 { return 0; }
  @inline get looksUp(): boolean { return true; }

  @inline fits(length: u32): boolean {
    const r = changetype<usize>(this);
    return length - 432 < 8;
  }

  @inline write(o: usize): usize {
    const r = changetype<usize>(this);
    o = text(o, ',"tracer_data":{"cgroup_id":', 28);
    o = unsigned(o, load<u64>(r, 8) & 0x00ffffffffffffff);
    o = text(o, ',"kills_count":', 15);
    o = unsigned(o, load<u32>(r, 16));
    if (load<u32>(r, 20) != 0) {
      o = text(o, ',"limit":', 9);
      switch (load<u32>(r, 20)) {
        case 0: o = text(o, '"unknown_limit"', 15); break;
        case 1: o = text(o, '"memory"', 8); break;
        case 2: o = text(o, '"memory_and_swap"', 17); break;
        case 3: o = text(o, '"host"', 6); break;
        case 4: o = text(o, '"host_cpuset"', 13); break;
        case 5: o = text(o, '"host_memory_policy"', 20); break;
        default: o = unsigned(o, load<u32>(r, 20));
      }
    }
    if (load<u64>(r, 24) != 0) {
      o = text(o, ',"memcg_id":', 12);
      o = unsigned(o, load<u64>(r, 24) & 0x00ffffffffffffff);
    }
    if (load<u64>(r, 32) != 0) {
      o = text(o, ',"memcg_limit_bytes":', 21);
      o = unsigned(o, load<u64>(r, 32));
    }
    if (load<u64>(r, 40) != 0) {
      o = text(o, ',"memcg_usage_bytes":', 21);
      o = unsigned(o, load<u64>(r, 40));
    }
    o = text(o, ',"trigger":{"pid":', 18);
    o = unsigned(o, load<u32>(r, 48));
    o = text(o, ',"tid":', 7);
    o = unsigned(o, load<u32>(r, 52));
    o = text(o, ',"cgroup_id":', 13);
    o = unsigned(o, load<u64>(r, 56) & 0x00ffffffffffffff);
    if (load<u64>(r, 56) != 0) o = known(o, 2, load<u64>(r, 56), 0);
    if (load<u64>(r, 64) != 0) {
      o = text(o, ',"unified_cgroup_id":', 21);
      o = unsigned(o, load<u64>(r, 64) & 0x00ffffffffffffff);
    }
    o = text(o, ',"comm":"', 9);
    o = chars(o, r + 72, 16);
    o = text(o, '"', 1);
    if (load<u64>(r, 88) != 0 || load<u64>(r, 96) != 0 || load<u64>(r, 104) != 0 || load<u64>(r, 112) != 0 || load<u64>(r, 120) != 0 || load<u64>(r, 128) != 0 || load<u64>(r, 136) != 0 || load<u64>(r, 144) != 0 || load<u64>(r, 152) != 0 || load<u64>(r, 160) != 0 || load<u64>(r, 168) != 0 || load<u64>(r, 176) != 0 || load<u64>(r, 184) != 0 || load<u64>(r, 192) != 0 || load<u64>(r, 200) != 0 || load<u64>(r, 208) != 0) {
      o = text(o, ',"command_line":"', 17);
      o = chars(o, r + 88, 128);
      o = text(o, '"', 1);
    }
    o = text(o, '},"victim":{"pid":', 18);
    o = unsigned(o, load<u32>(r, 216));
    o = text(o, ',"uid":', 7);
    o = unsigned(o, load<u32>(r, 220));
    o = text(o, ',"oom_score_adj":', 17);
    o = signed(o, load<i32>(r, 224));
    o = text(o, ',"cgroup_id":', 13);
    o = unsigned(o, load<u64>(r, 232) & 0x00ffffffffffffff);
    if (load<u64>(r, 232) != 0) o = known(o, 2, load<u64>(r, 232), 0);
    if (load<u64>(r, 240) != 0) {
      o = text(o, ',"unified_cgroup_id":', 21);
      o = unsigned(o, load<u64>(r, 240) & 0x00ffffffffffffff);
    }
    o = text(o, ',"total_vm_bytes":', 18);
    o = unsigned(o, load<u64>(r, 248));
    o = text(o, ',"anon_rss_bytes":', 18);
    o = unsigned(o, load<u64>(r, 256));
    o = text(o, ',"file_rss_bytes":', 18);
    o = unsigned(o, load<u64>(r, 264));
    o = text(o, ',"shmem_rss_bytes":', 19);
    o = unsigned(o, load<u64>(r, 272));
    o = text(o, ',"cgroup_kills_count":', 22);
    o = unsigned(o, load<u64>(r, 280));
    o = text(o, ',"comm":"', 9);
    o = chars(o, r + 288, 16);
    o = text(o, '"', 1);
    if (load<u64>(r, 304) != 0 || load<u64>(r, 312) != 0 || load<u64>(r, 320) != 0 || load<u64>(r, 328) != 0 || load<u64>(r, 336) != 0 || load<u64>(r, 344) != 0 || load<u64>(r, 352) != 0 || load<u64>(r, 360) != 0 || load<u64>(r, 368) != 0 || load<u64>(r, 376) != 0 || load<u64>(r, 384) != 0 || load<u64>(r, 392) != 0 || load<u64>(r, 400) != 0 || load<u64>(r, 408) != 0 || load<u64>(r, 416) != 0 || load<u64>(r, 424) != 0) {
      o = text(o, ',"command_line":"', 17);
      o = chars(o, r + 304, 128);
      o = text(o, '"', 1);
    }
    o = text(o, '}}}\n', 4);
    return o;
  }
}

export function decode(): void {
  drain<EventRecord>(MAX_DATA_BYTES);
}
