// Generated from struct netdev_txqueue_timeout_event of bpf/netdev_txqueue_timeout.bpf.c by the build: change it there.
import { drain } from '../drain';
import { chars, text, unsigned } from '../json';
import { known } from '../lookups';

export { addLookup } from '../lookups';
export { walk } from '../ring';

/** Of the struct; of the first, when the ring has several. */
export const RECORD_BYTES: u32 = 72;
/** The most that `write` writes. */
export const MAX_DATA_BYTES: usize = 594;
export const STATIC_END: usize = __heap_base;

@unmanaged
class EventRecord {
  @inline get time_ns(): u64 { return load<u64>(changetype<usize>(this), 0); }
  @inline get cgroupId(): u64 { return 0; }
  @inline get netns(): u32 { return load<u32>(changetype<usize>(this), 16); }
  @inline get netnsOwnerKind(): u32 { return 2; }
  @inline get looksUp(): boolean { return true; }

  @inline fits(length: u32): boolean {
    const r = changetype<usize>(this);
    return length - 72 < 8;
  }

  @inline write(o: usize): usize {
    const r = changetype<usize>(this);
    o = text(o, ',"tracer_data":{"queue_index":', 30);
    o = unsigned(o, load<u32>(r, 8));
    o = text(o, ',"index":', 9);
    o = unsigned(o, load<u32>(r, 12));
    o = text(o, ',"net_namespace":', 17);
    o = known(o, 3, load<u32>(r, 16), 0);
    o = text(o, ',"device_name":"', 16);
    o = chars(o, r + 20, 16);
    o = text(o, '"', 1);
    if (load<u64>(r, 36) != 0 || load<u64>(r, 44) != 0 || load<u64>(r, 52) != 0 || load<u64>(r, 60) != 0) {
      o = text(o, ',"driver_name":"', 16);
      o = chars(o, r + 36, 32);
      o = text(o, '"', 1);
    }
    o = text(o, '}}\n', 3);
    return o;
  }
}

export function decode(): void {
  drain<EventRecord>(MAX_DATA_BYTES);
}
