// Generated from struct softirq_event of bpf/softirq.bpf.c by the build: change it there.
import { drain } from '../drain';
import { chars, text, unsigned } from '../json';
import { kernelStack } from '../stacks';

export { addLookup } from '../lookups';
export { walk } from '../ring';

/** Of the struct; of the first, when the ring has several. */
export const RECORD_BYTES: u32 = 336;
/** The most that `write` writes. */
export const MAX_DATA_BYTES: usize = 17632;
export const STATIC_END: usize = __heap_base;

@unmanaged
class EventRecord {
  @inline get time_ns(): u64 { return load<u64>(changetype<usize>(this), 0); }
  @inline get cgroupId(): u64 { return load<u64>(changetype<usize>(this), 40); }
  @inline get netns(): u32 { return 0; }
  @inline get netnsOwnerKind(): u32 { return 0; }
  @inline get looksUp(): boolean { return true; }

  @inline fits(length: u32): boolean {
    const r = changetype<usize>(this);
    return length - 336 < 8;
  }

  @inline write(o: usize): usize {
    const r = changetype<usize>(this);
    o = text(o, ',"tracer_data":{"run_ns":', 25);
    o = unsigned(o, load<u64>(r, 8));
    o = text(o, ',"run_threshold_ns":', 20);
    o = unsigned(o, load<u64>(r, 16));
    if (load<u64>(r, 24) != 0) {
      o = text(o, ',"latency_ns":', 14);
      o = unsigned(o, load<u64>(r, 24));
    }
    o = text(o, ',"threshold_ns":', 16);
    o = unsigned(o, load<u64>(r, 32));
    o = text(o, ',"cgroup_id":', 13);
    o = unsigned(o, load<u64>(r, 40) & 0x00ffffffffffffff);
    o = text(o, ',"vector":', 10);
    switch (load<u32>(r, 48)) {
      case 0: o = text(o, '"HI"', 4); break;
      case 1: o = text(o, '"TIMER"', 7); break;
      case 2: o = text(o, '"NET_TX"', 8); break;
      case 3: o = text(o, '"NET_RX"', 8); break;
      case 4: o = text(o, '"BLOCK"', 7); break;
      case 5: o = text(o, '"IRQ_POLL"', 10); break;
      case 6: o = text(o, '"TASKLET"', 9); break;
      case 7: o = text(o, '"SCHED"', 7); break;
      case 8: o = text(o, '"HRTIMER"', 9); break;
      case 9: o = text(o, '"RCU"', 5); break;
      default: o = unsigned(o, load<u32>(r, 48));
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
    o = text(o, '}}\n', 3);
    return o;
  }
}

export function decode(): void {
  drain<EventRecord>(MAX_DATA_BYTES);
}
