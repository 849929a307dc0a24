// Generated from struct dropwatch_event of bpf/dropwatch.bpf.c by the build: change it there.
import { drain } from '../drain';
import { chars, hex, text, unsigned } from '../json';
import { known } from '../lookups';
import { packet } from '../packet';
import { kernelStack } from '../stacks';

export { addLookup } from '../lookups';
export { walk } from '../ring';

/** Of the struct; of the first, when the ring has several. */
export const RECORD_BYTES: u32 = 552;
/** The most that `write` writes. */
export const MAX_DATA_BYTES: usize = 20358;
export const STATIC_END: usize = __heap_base;

@unmanaged
class EventRecord {
  @inline get time_ns(): u64 { return load<u64>(changetype<usize>(this), 0); }
  @inline get cgroupId(): u64 { return load<u64>(changetype<usize>(this), 24); }
  @inline get netns(): u32 { return load<u32>(changetype<usize>(this), 64); }
  @inline get netnsOwnerKind(): u32 { return 2; }
  @inline get looksUp(): boolean { return true; }

  @inline fits(length: u32): boolean {
    const r = changetype<usize>(this);
    return length - 552 < 8;
  }

  @inline write(o: usize): usize {
    const r = changetype<usize>(this);
    o = text(o, ',"tracer_data":{"drop_location":', 32);
    o = known(o, 3, load<u64>(r, 8), 0);
    if (load<u64>(r, 16) != 0) {
      o = text(o, ',"net_namespace_cookie":"0x', 27);
      o = hex(o, load<u64>(r, 16));
      o = text(o, '"', 1);
    }
    if (load<u64>(r, 24) != 0) {
      o = text(o, ',"cgroup_id":', 13);
      o = unsigned(o, load<u64>(r, 24) & 0x00ffffffffffffff);
    }
    if (load<u64>(r, 32) != 0) {
      o = text(o, ',"tcp_segment_id":"0x', 21);
      o = hex(o, load<u64>(r, 32));
      o = text(o, '"', 1);
    }
    o = text(o, ',"packet_skb_addr":"0x', 22);
    o = hex(o, load<u64>(r, 40));
    o = text(o, '","packet_len_bytes":', 21);
    o = unsigned(o, load<u64>(r, 48));
    if (load<u64>(r, 56) != 0) {
      o = text(o, ',"netdev_flags":"0x', 19);
      o = hex(o, load<u64>(r, 56));
      o = text(o, '"', 1);
    }
    if (load<u32>(r, 64) != 0) {
      o = text(o, ',"net_namespace":', 17);
      o = known(o, 4, load<u32>(r, 64), load<u32>(r, 108));
    }
    if (load<u32>(r, 68) != 0) {
      o = text(o, ',"net_namespace_inum":', 22);
      o = unsigned(o, load<u32>(r, 68));
    }
    if (load<u64>(r, 72) != 0 || load<u64>(r, 80) != 0) {
      o = text(o, ',"netdev_name":"', 16);
      o = chars(o, r + 72, 16);
      o = text(o, '"', 1);
    }
    if (load<u32>(r, 88) != 0) {
      o = text(o, ',"netdev_ifindex":', 18);
      o = unsigned(o, load<u32>(r, 88));
    }
    o = text(o, ',"netdev_queue_mapping":', 24);
    o = unsigned(o, load<u32>(r, 92));
    o = text(o, ',"drop_reason":', 15);
    o = known(o, 5, load<u32>(r, 96), load<u32>(r, 108));
    o = text(o, ',"drop_source":', 15);
    switch (load<u32>(r, 100)) {
      case 1: o = text(o, '"software"', 10); break;
      default: o = unsigned(o, load<u32>(r, 100));
    }
    if (load<u32>(r, 104) != 0) {
      o = text(o, ',"sk_state":', 12);
      switch (load<u32>(r, 104)) {
        case 1: o = text(o, '"ESTABLISHED"', 13); break;
        case 2: o = text(o, '"SYN_SENT"', 10); break;
        case 3: o = text(o, '"SYN_RECV"', 10); break;
        case 4: o = text(o, '"FIN_WAIT1"', 11); break;
        case 5: o = text(o, '"FIN_WAIT2"', 11); break;
        case 6: o = text(o, '"TIME_WAIT"', 11); break;
        case 7: o = text(o, '"CLOSE"', 7); break;
        case 8: o = text(o, '"CLOSE_WAIT"', 12); break;
        case 9: o = text(o, '"LAST_ACK"', 10); break;
        case 10: o = text(o, '"LISTEN"', 8); break;
        case 11: o = text(o, '"CLOSING"', 9); break;
        case 12: o = text(o, '"NEW_SYN_RECV"', 14); break;
        default: o = unsigned(o, load<u32>(r, 104));
      }
    }
    if (load<u32>(r, 108) != 0) {
      o = text(o, ',"pid":', 7);
      o = unsigned(o, load<u32>(r, 108));
    }
    if (load<u64>(r, 112) != 0 || load<u64>(r, 120) != 0) {
      o = text(o, ',"comm":"', 9);
      o = chars(o, r + 112, 16);
      o = text(o, '"', 1);
    }
    o = text(o, ',"owner_known_by":', 18);
    switch (load<u32>(r, 128)) {
      case 0: o = text(o, '"unknown_owner"', 15); break;
      case 1: o = text(o, '"connect_or_listen"', 19); break;
      case 2: o = text(o, '"socket_memory"', 15); break;
      case 3: o = text(o, '"socket_creation"', 17); break;
      default: o = unsigned(o, load<u32>(r, 128));
    }
    o = text(o, ',"stack":', 9);
    o = kernelStack(o, r + 136, 32, 3);
    if (load<u64>(r, 392) != 0 || load<u64>(r, 400) != 0 || load<u64>(r, 408) != 0 || load<u64>(r, 416) != 0 || load<u64>(r, 424) != 0 || load<u64>(r, 432) != 0 || load<u64>(r, 440) != 0 || load<u64>(r, 448) != 0 || load<u64>(r, 456) != 0 || load<u64>(r, 464) != 0 || load<u64>(r, 472) != 0 || load<u64>(r, 480) != 0 || load<u64>(r, 488) != 0 || load<u64>(r, 496) != 0 || load<u64>(r, 504) != 0 || load<u64>(r, 512) != 0 || load<u64>(r, 520) != 0 || load<u64>(r, 528) != 0 || load<u64>(r, 536) != 0 || load<u64>(r, 544) != 0) {
      o = text(o, ',"layers":', 10);
      o = packet(o, r + 392);
    }
    o = text(o, '}}\n', 3);
    return o;
  }
}

export function decode(): void {
  drain<EventRecord>(MAX_DATA_BYTES);
}
