// Generated from struct softlockup_event of bpf/softlockup.bpf.c by the build: change it there.
import { drain } from '../drain';
import { chars, hex, text, unsigned } from '../json';
import { kernelStack, userStack } from '../stacks';

export { addLookup } from '../lookups';
export { walk } from '../ring';

/** Of the struct; of the first, when the ring has several. */
export const RECORD_BYTES: u32 = 1360;
/** The most that `write` writes. */
export const MAX_DATA_BYTES: usize = 34866;
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
    return length - 1360 < 8;
  }

  @inline write(o: usize): usize {
    const r = changetype<usize>(this);
    o = text(o, ',"tracer_data":{"cgroup_id":', 28);
    o = unsigned(o, load<u64>(r, 8) & 0x00ffffffffffffff);
    o = text(o, ',"episode_id":"0x', 17);
    o = hex(o, load<u64>(r, 16));
    o = text(o, '","stuck_ns":', 13);
    o = unsigned(o, load<u64>(r, 24));
    o = text(o, ',"threshold_ns":', 16);
    o = unsigned(o, load<u64>(r, 32));
    o = text(o, ',"phase":', 9);
    switch (load<u32>(r, 40)) {
      case 0: o = text(o, '"begun"', 7); break;
      case 1: o = text(o, '"goes_on"', 9); break;
      case 2: o = text(o, '"over"', 6); break;
      default: o = unsigned(o, load<u32>(r, 40));
    }
    o = text(o, ',"reported_by":', 15);
    switch (load<u32>(r, 44)) {
      case 0: o = text(o, '"sampler"', 9); break;
      case 1: o = text(o, '"kernel_watchdog"', 17); break;
      default: o = unsigned(o, load<u32>(r, 44));
    }
    if (load<u32>(r, 48) != 0) {
      o = text(o, ',"kernel_seconds":', 18);
      o = unsigned(o, load<u32>(r, 48));
    }
    o = text(o, ',"cpu":', 7);
    o = unsigned(o, load<u32>(r, 52));
    o = text(o, ',"pid":', 7);
    o = unsigned(o, load<u32>(r, 56));
    o = text(o, ',"tid":', 7);
    o = unsigned(o, load<u32>(r, 60));
    o = text(o, ',"comm":"', 9);
    o = chars(o, r + 64, 16);
    o = text(o, '","stack":', 10);
    o = kernelStack(o, r + 80, 32, 2);
    o = text(o, ',"user_stack":', 14);
    o = userStack(o, r + 336, 32, 3, load<u32>(r, 56));
    o = text(o, '}}\n', 3);
    return o;
  }
}

export function decode(): void {
  drain<EventRecord>(MAX_DATA_BYTES);
}
