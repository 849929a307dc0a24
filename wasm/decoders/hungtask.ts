// Generated from struct hungtask_event of bpf/hungtask.bpf.c by the build: change it there.
import { drain } from '../drain';
import { bool, chars, hex, text, unsigned } from '../json';
import { kernelStack } from '../stacks';

export { addLookup } from '../lookups';
export { walk } from '../ring';

/** Of the struct; of the first, when the ring has several. */
export const RECORD_BYTES: u32 = 368;
/** The most that `write` writes. */
export const MAX_DATA_BYTES: usize = 17900;
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
    return length - 368 < 8;
  }

  @inline write(o: usize): usize {
    const r = changetype<usize>(this);
    o = text(o, ',"tracer_data":{"cgroup_id":', 28);
    o = unsigned(o, load<u64>(r, 8) & 0x00ffffffffffffff);
    if (load<u64>(r, 16) != 0) {
      o = text(o, ',"snapshot_id":"0x', 18);
      o = hex(o, load<u64>(r, 16));
      o = text(o, '"', 1);
    }
    if (load<u64>(r, 24) != 0) {
      o = text(o, ',"reported_for_ns":', 19);
      o = unsigned(o, load<u64>(r, 24));
    }
    if (load<u64>(r, 32) != 0) {
      o = text(o, ',"waited_ns":', 13);
      o = unsigned(o, load<u64>(r, 32));
    }
    if (load<u64>(r, 40) != 0) {
      o = text(o, ',"lock_addr":"0x', 16);
      o = hex(o, load<u64>(r, 40));
      o = text(o, '"', 1);
    }
    o = text(o, ',"role":', 8);
    switch (load<u32>(r, 48)) {
      case 0: o = text(o, '"hung"', 6); break;
      case 1: o = text(o, '"waiting"', 9); break;
      default: o = unsigned(o, load<u32>(r, 48));
    }
    if (load<u32>(r, 52) != 0) {
      o = text(o, ',"detected_by":', 15);
      switch (load<u32>(r, 52)) {
        case 0: o = text(o, '"not_hung"', 10); break;
        case 1: o = text(o, '"kernel"', 8); break;
        case 2: o = text(o, '"agent"', 7); break;
        default: o = unsigned(o, load<u32>(r, 52));
      }
    }
    if (load<u32>(r, 56) != 0) {
      o = text(o, ',"lock_kind":', 13);
      switch (load<u32>(r, 56)) {
        case 0: o = text(o, '"no_lock"', 9); break;
        case 1: o = text(o, '"mutex"', 7); break;
        case 2: o = text(o, '"semaphore"', 11); break;
        case 3: o = text(o, '"rwsem_reader"', 14); break;
        case 4: o = text(o, '"rwsem_writer"', 14); break;
        default: o = unsigned(o, load<u32>(r, 56));
      }
    }
    if (load<u32>(r, 60) != 0) {
      o = text(o, ',"lock_holder_tid":', 19);
      o = unsigned(o, load<u32>(r, 60));
    }
    if (load<u64>(r, 64) != 0 || load<u64>(r, 72) != 0) {
      o = text(o, ',"lock_holder_comm":"', 21);
      o = chars(o, r + 64, 16);
      o = text(o, '"', 1);
    }
    o = text(o, ',"pid":', 7);
    o = unsigned(o, load<u32>(r, 80));
    o = text(o, ',"tid":', 7);
    o = unsigned(o, load<u32>(r, 84));
    if (load<u32>(r, 88) != 0) {
      o = text(o, ',"reports":', 11);
      o = unsigned(o, load<u32>(r, 88));
    }
    o = text(o, ',"comm":"', 9);
    o = chars(o, r + 92, 16);
    o = text(o, '","in_iowait":', 14);
    o = bool(o, load<u8>(r, 108));
    o = text(o, ',"stack":', 9);
    o = kernelStack(o, r + 112, 32, 2);
    o = text(o, '}}\n', 3);
    return o;
  }
}

export function decode(): void {
  drain<EventRecord>(MAX_DATA_BYTES);
}
