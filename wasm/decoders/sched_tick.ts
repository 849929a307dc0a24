// Generated from struct sched_tick_event of bpf/sched_tick.bpf.c by the build: change it there.
import { drain } from '../drain';
import { chars, text, unsigned } from '../json';
import { known } from '../lookups';
import { kernelStack, userStack } from '../stacks';

export { addLookup } from '../lookups';
export { walk } from '../ring';

/** Of the struct; of the first, when the ring has several. */
export const RECORD_BYTES: u32 = 1392;
/** The most that `write` writes. */
export const MAX_DATA_BYTES: usize = 35543;
export const STATIC_END: usize = __heap_base;

@unmanaged
class EventRecord {
  @inline get time_ns(): u64 { return load<u64>(changetype<usize>(this), 0); }
  @inline get cgroupId(): u64 { return load<u64>(changetype<usize>(this), 16); }
  @inline get netns(): u32 { return 0; }
  @inline get netnsOwnerKind(): u32 { return 0; }
  @inline get looksUp(): boolean { return true; }

  @inline fits(length: u32): boolean {
    const r = changetype<usize>(this);
    return length - 1392 < 8;
  }

  @inline write(o: usize): usize {
    const r = changetype<usize>(this);
    o = text(o, ',"tracer_data":{"held_off_ns":', 30);
    o = unsigned(o, load<u64>(r, 8));
    if (load<u64>(r, 16) != 0) {
      o = text(o, ',"cgroup_id":', 13);
      o = unsigned(o, load<u64>(r, 16) & 0x00ffffffffffffff);
    }
    o = text(o, ',"threshold_ns":', 16);
    o = unsigned(o, load<u64>(r, 24));
    o = text(o, ',"stolen_ns":', 13);
    o = unsigned(o, load<u64>(r, 32));
    if (load<u64>(r, 40) != 0) {
      o = text(o, ',"handler_ns":', 14);
      o = unsigned(o, load<u64>(r, 40));
    }
    if (load<u64>(r, 48) != 0) {
      o = text(o, ',"handler":', 11);
      o = known(o, 2, load<u64>(r, 48), 0);
    }
    o = text(o, ',"kind":', 8);
    switch (load<u32>(r, 56)) {
      case 0: o = text(o, '"interrupts"', 12); break;
      case 1: o = text(o, '"scheduling"', 12); break;
      default: o = unsigned(o, load<u32>(r, 56));
    }
    o = text(o, ',"held_by":', 11);
    switch (load<u32>(r, 60)) {
      case 0: o = text(o, '"code"', 6); break;
      case 1: o = text(o, '"interrupt_handler"', 19); break;
      case 2: o = text(o, '"timer_callback"', 16); break;
      default: o = unsigned(o, load<u32>(r, 60));
    }
    if (load<u32>(r, 64) != 0) {
      o = text(o, ',"irq":', 7);
      o = unsigned(o, load<u32>(r, 64));
    }
    o = text(o, ',"cpu":', 7);
    o = unsigned(o, load<u32>(r, 68));
    o = text(o, ',"pid":', 7);
    o = unsigned(o, load<u32>(r, 72));
    o = text(o, ',"tid":', 7);
    o = unsigned(o, load<u32>(r, 76));
    if (load<u64>(r, 80) != 0 || load<u64>(r, 88) != 0) {
      o = text(o, ',"irq_name":"', 13);
      o = chars(o, r + 80, 16);
      o = text(o, '"', 1);
    }
    o = text(o, ',"comm":"', 9);
    o = chars(o, r + 96, 16);
    o = text(o, '","stack":', 10);
    o = kernelStack(o, r + 112, 32, 2);
    o = text(o, ',"user_stack":', 14);
    o = userStack(o, r + 368, 32, 3, load<u32>(r, 72));
    o = text(o, '}}\n', 3);
    return o;
  }
}

export function decode(): void {
  drain<EventRecord>(MAX_DATA_BYTES);
}
