// Generated from struct net_rx_latency_event of bpf/net_rx_latency.bpf.c by the build: change it there.
import { drain } from '../drain';
import { chars, hex, ipAddress, text, unsigned } from '../json';
import { known } from '../lookups';

export { addLookup } from '../lookups';
export { walk } from '../ring';

/** Of the struct; of the first, when the ring has several. */
export const RECORD_BYTES: u32 = 136;
/** The most that `write` writes. */
export const MAX_DATA_BYTES: usize = 1061;
export const STATIC_END: usize = __heap_base;

@unmanaged
class EventRecord {
  @inline get time_ns(): u64 { return load<u64>(changetype<usize>(this), 0); }
  @inline get cgroupId(): u64 { return load<u64>(changetype<usize>(this), 32); }
  @inline get netns(): u32 { return load<u32>(changetype<usize>(this), 80); }
  @inline get netnsOwnerKind(): u32 { return 2; }
  @inline get looksUp(): boolean { return true; }

  @inline fits(length: u32): boolean {
    const r = changetype<usize>(this);
    return length - 136 < 8;
  }

  @inline write(o: usize): usize {
    const r = changetype<usize>(this);
    o = text(o, ',"tracer_data":{"latency_ns":', 29);
    o = unsigned(o, load<u64>(r, 8));
    o = text(o, ',"threshold_ns":', 16);
    o = unsigned(o, load<u64>(r, 16));
    o = text(o, ',"net_namespace_cookie":"0x', 27);
    o = hex(o, load<u64>(r, 24));
    o = text(o, '"', 1);
    if (load<u64>(r, 32) != 0) {
      o = text(o, ',"cgroup_id":', 13);
      o = unsigned(o, load<u64>(r, 32) & 0x00ffffffffffffff);
    }
    o = text(o, ',"packet_len_bytes":', 20);
    o = unsigned(o, load<u64>(r, 40));
    o = text(o, ',"tcp_saddr":"', 14);
    o = ipAddress(o, r + 48);
    o = text(o, '","tcp_daddr":"', 15);
    o = ipAddress(o, r + 64);
    o = text(o, '","net_namespace":', 18);
    o = known(o, 3, load<u32>(r, 80), load<u32>(r, 96));
    o = text(o, ',"net_namespace_inum":', 22);
    o = unsigned(o, load<u32>(r, 84));
    o = text(o, ',"netdev_name":', 15);
    o = known(o, 4, (<u64>load<u32>(r, 80) << 32) | load<u32>(r, 88), load<u32>(r, 96));
    o = text(o, ',"latency_stage":', 17);
    switch (load<u32>(r, 92)) {
      case 0: o = text(o, '"RX_STAGE_NETIF"', 16); break;
      case 1: o = text(o, '"RX_STAGE_TCP"', 14); break;
      case 2: o = text(o, '"RX_STAGE_USERCOPY"', 19); break;
      default: o = unsigned(o, load<u32>(r, 92));
    }
    if (load<u32>(r, 96) != 0) {
      o = text(o, ',"pid":', 7);
      o = unsigned(o, load<u32>(r, 96));
    }
    if (load<u64>(r, 100) != 0 || load<u64>(r, 108) != 0) {
      o = text(o, ',"comm":"', 9);
      o = chars(o, r + 100, 16);
      o = text(o, '"', 1);
    }
    if (load<u32>(r, 116) != 0) {
      o = text(o, ',"owner_known_by":', 18);
      switch (load<u32>(r, 116)) {
        case 0: o = text(o, '"unknown_owner"', 15); break;
        case 1: o = text(o, '"connect_or_listen"', 19); break;
        case 2: o = text(o, '"socket_memory"', 15); break;
        case 3: o = text(o, '"socket_creation"', 17); break;
        default: o = unsigned(o, load<u32>(r, 116));
      }
    }
    if (load<u32>(r, 120) != 0) {
      o = text(o, ',"tcp_state":', 13);
      switch (load<u32>(r, 120)) {
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
        default: o = unsigned(o, load<u32>(r, 120));
      }
    }
    o = text(o, ',"tcp_seq":', 11);
    o = unsigned(o, load<u32>(r, 124));
    o = text(o, ',"tcp_ack_seq":', 15);
    o = unsigned(o, load<u32>(r, 128));
    o = text(o, ',"tcp_sport":', 13);
    o = unsigned(o, load<u16>(r, 132));
    o = text(o, ',"tcp_dport":', 13);
    o = unsigned(o, load<u16>(r, 134));
    o = text(o, '}}\n', 3);
    return o;
  }
}

export function decode(): void {
  drain<EventRecord>(MAX_DATA_BYTES);
}
