// Generated from struct memory_reclaim_events_event of bpf/memory_reclaim_events.bpf.c by the build: change it there.
import { drain } from '../drain';
import { chars, text, unsigned } from '../json';
import { known } from '../lookups';
import { kernelStack } from '../stacks';

export { addLookup } from '../lookups';
export { walk } from '../ring';

/** Of the struct; of the first, when the ring has several. */
export const RECORD_BYTES: u32 = 360;
/** The most that `write` writes. */
export const MAX_DATA_BYTES: usize = 21890;
export const STATIC_END: usize = __heap_base;

@unmanaged
class EventRecord {
  @inline get time_ns(): u64 { return load<u64>(changetype<usize>(this), 0); }
  @inline get cgroupId(): u64 { return load<u64>(changetype<usize>(this), 24); }
  @inline get netns(): u32 { return 0; }
  @inline get netnsOwnerKind(): u32 { return 0; }
  @inline get looksUp(): boolean { return true; }

  @inline fits(length: u32): boolean {
    const r = changetype<usize>(this);
    return length - 360 < 8;
  }

  @inline write(o: usize): usize {
    const r = changetype<usize>(this);
    o = text(o, ',"tracer_data":{"reclaim_duration_ns":', 38);
    o = unsigned(o, load<u64>(r, 8));
    o = text(o, ',"threshold_ns":', 16);
    o = unsigned(o, load<u64>(r, 16));
    o = text(o, ',"cgroup_id":', 13);
    o = unsigned(o, load<u64>(r, 24) & 0x00ffffffffffffff);
    if (load<u64>(r, 32) != 0) {
      o = text(o, ',"reclaimed_cgroup_id":', 23);
      o = unsigned(o, load<u64>(r, 32) & 0x00ffffffffffffff);
      if (load<u64>(r, 32) != 0) o = known(o, 2, load<u64>(r, 32), 0);
    }
    if (load<u64>(r, 40) != 0) {
      o = text(o, ',"reclaimed_cgroup_usage_bytes":', 32);
      o = unsigned(o, load<u64>(r, 40));
    }
    if (load<u64>(r, 48) != 0) {
      o = text(o, ',"reclaimed_cgroup_limit_bytes":', 32);
      o = unsigned(o, load<u64>(r, 48));
    }
    o = text(o, ',"scanned_pages":', 17);
    o = unsigned(o, load<u64>(r, 56));
    o = text(o, ',"reclaimed_pages":', 19);
    o = unsigned(o, load<u64>(r, 64));
    o = text(o, ',"order":', 9);
    o = unsigned(o, load<u32>(r, 72));
    o = text(o, ',"kind":', 8);
    switch (load<u32>(r, 76)) {
      case 0: o = text(o, '"direct"', 8); break;
      case 1: o = text(o, '"memcg"', 7); break;
      default: o = unsigned(o, load<u32>(r, 76));
    }
    o = text(o, ',"pid":', 7);
    o = unsigned(o, load<u32>(r, 80));
    o = text(o, ',"tid":', 7);
    o = unsigned(o, load<u32>(r, 84));
    o = text(o, ',"comm":"', 9);
    o = chars(o, r + 88, 16);
    o = text(o, '","stack":', 10);
    o = kernelStack(o, r + 104, 32, 3);
    o = text(o, '}}\n', 3);
    return o;
  }
}

export function decode(): void {
  drain<EventRecord>(MAX_DATA_BYTES);
}
