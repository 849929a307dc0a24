// Generated from struct oom_event of bpf/oom.bpf.c by the build: change it there.
import { drain } from '../drain';
import { chars, text, unsigned } from '../json';
import { known } from '../lookups';

export { addLookup } from '../lookups';
export { walk } from '../ring';

/** Of the struct; of the first, when the ring has several. */
export const RECORD_BYTES: u32 = 136;
/** The most that `write` writes. */
export const MAX_DATA_BYTES: usize = 8950;
export const STATIC_END: usize = __heap_base;

@unmanaged
class EventRecord {
  @inline get time_ns(): u64 { return load<u64>(changetype<usize>(this), 0); }
  @inline get cgroupId(): u64 { return load<u64>(changetype<usize>(this), 8); }
  @inline get looksUp(): boolean { return true; }

  @inline fits(length: u32): boolean {
    const r = changetype<usize>(this);
    return length - 136 < 8;
  }

  @inline write(o: usize): usize {
    const r = changetype<usize>(this);
    o = text(o, ',"tracer_data":{"cgroup_id":', 28);
    o = unsigned(o, load<u64>(r, 8) & 0x00ffffffffffffff);
    o = text(o, ',"memcg_id":', 12);
    o = unsigned(o, load<u64>(r, 16) & 0x00ffffffffffffff);
    o = text(o, ',"memcg_limit_bytes":', 21);
    o = unsigned(o, load<u64>(r, 24));
    o = text(o, ',"memcg_usage_bytes":', 21);
    o = unsigned(o, load<u64>(r, 32));
    o = text(o, ',"trigger":{"pid":', 18);
    o = unsigned(o, load<u32>(r, 40));
    o = text(o, ',"tid":', 7);
    o = unsigned(o, load<u32>(r, 44));
    o = text(o, ',"cgroup_id":', 13);
    o = unsigned(o, load<u64>(r, 48) & 0x00ffffffffffffff);
    if (load<u64>(r, 48) != 0) o = known(o, 2, load<u64>(r, 48), 0);
    o = text(o, ',"comm":"', 9);
    o = chars(o, r + 56, 16);
    o = text(o, '"},"victim":{"pid":', 19);
    o = unsigned(o, load<u32>(r, 72));
    o = text(o, ',"uid":', 7);
    o = unsigned(o, load<u32>(r, 76));
    o = text(o, ',"cgroup_id":', 13);
    o = unsigned(o, load<u64>(r, 80) & 0x00ffffffffffffff);
    if (load<u64>(r, 80) != 0) o = known(o, 2, load<u64>(r, 80), 0);
    o = text(o, ',"total_vm_bytes":', 18);
    o = unsigned(o, load<u64>(r, 88));
    o = text(o, ',"anon_rss_bytes":', 18);
    o = unsigned(o, load<u64>(r, 96));
    o = text(o, ',"file_rss_bytes":', 18);
    o = unsigned(o, load<u64>(r, 104));
    o = text(o, ',"shmem_rss_bytes":', 19);
    o = unsigned(o, load<u64>(r, 112));
    o = text(o, ',"comm":"', 9);
    o = chars(o, r + 120, 16);
    o = text(o, '"}}}\n', 5);
    return o;
  }
}

export function decode(): void {
  drain<EventRecord>(MAX_DATA_BYTES);
}
