// Generated from struct tcp_retransmit_event of bpf/tcp_retransmit.bpf.c by the build: change it there.
import { drain } from '../drain';
import { chars, hex, ipAddress, text, unsigned } from '../json';
import { known } from '../lookups';

export { addLookup } from '../lookups';
export { walk } from '../ring';

/** Of the struct; of the first, when the ring has several. */
export const RECORD_BYTES: u32 = 192;
/** The most that `write` writes. */
export const MAX_DATA_BYTES: usize = 1492;
export const STATIC_END: usize = __heap_base;

@unmanaged
class EventRecord {
  @inline get time_ns(): u64 { return load<u64>(changetype<usize>(this), 0); }
  @inline get cgroupId(): u64 { return load<u64>(changetype<usize>(this), 16); }
  @inline get netns(): u32 { return load<u32>(changetype<usize>(this), 88); }
  @inline get netnsOwnerKind(): u32 { return 2; }
  @inline get looksUp(): boolean { return true; }

  @inline fits(length: u32): boolean {
    const r = changetype<usize>(this);
    return length - 192 < 8;
  }

  @inline write(o: usize): usize {
    const r = changetype<usize>(this);
    o = text(o, ',"tracer_data":{"net_namespace_cookie":"0x', 42);
    o = hex(o, load<u64>(r, 8));
    o = text(o, '"', 1);
    if (load<u64>(r, 16) != 0) {
      o = text(o, ',"cgroup_id":', 13);
      o = unsigned(o, load<u64>(r, 16) & 0x00ffffffffffffff);
    }
    o = text(o, ',"tcp_segment_id":"0x', 21);
    o = hex(o, load<u64>(r, 24));
    o = text(o, '"', 1);
    if (load<u64>(r, 32) != 0) {
      o = text(o, ',"skb_addr":"0x', 15);
      o = hex(o, load<u64>(r, 32));
      o = text(o, '"', 1);
    }
    if (load<u64>(r, 40) != 0) {
      o = text(o, ',"srtt_ns":', 11);
      o = unsigned(o, load<u64>(r, 40));
    }
    o = text(o, ',"skb_bytes":', 13);
    o = unsigned(o, load<u64>(r, 48));
    o = text(o, ',"tcp_saddr":"', 14);
    o = ipAddress(o, r + 56);
    o = text(o, '","tcp_daddr":"', 15);
    o = ipAddress(o, r + 72);
    o = text(o, '","net_namespace":', 18);
    o = known(o, 3, load<u32>(r, 88), load<u32>(r, 96));
    o = text(o, ',"net_namespace_inum":', 22);
    o = unsigned(o, load<u32>(r, 92));
    if (load<u32>(r, 96) != 0) {
      o = text(o, ',"pid":', 7);
      o = unsigned(o, load<u32>(r, 96));
    }
    if (load<u64>(r, 100) != 0 || load<u64>(r, 108) != 0) {
      o = text(o, ',"comm":"', 9);
      o = chars(o, r + 100, 16);
      o = text(o, '"', 1);
    }
    o = text(o, ',"owner_known_by":', 18);
    switch (load<u32>(r, 116)) {
      case 0: o = text(o, '"unknown_owner"', 15); break;
      case 1: o = text(o, '"connect_or_listen"', 19); break;
      case 2: o = text(o, '"socket_memory"', 15); break;
      case 3: o = text(o, '"socket_creation"', 17); break;
      default: o = unsigned(o, load<u32>(r, 116));
    }
    o = text(o, ',"tcp_reason":', 14);
    switch (load<u32>(r, 120)) {
      case 0: o = text(o, '"unknown"', 9); break;
      case 1: o = text(o, '"SYN"', 5); break;
      case 2: o = text(o, '"SYN_ACK"', 9); break;
      case 3: o = text(o, '"RTO"', 5); break;
      case 4: o = text(o, '"slow_start"', 12); break;
      case 5: o = text(o, '"fast_retransmit"', 17); break;
      case 6: o = text(o, '"TLP"', 5); break;
      case 7: o = text(o, '"non_congestion"', 16); break;
      default: o = unsigned(o, load<u32>(r, 120));
    }
    o = text(o, ',"tcp_state":', 13);
    switch (load<u32>(r, 124)) {
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
      default: o = unsigned(o, load<u32>(r, 124));
    }
    o = text(o, ',"phase":', 9);
    switch (load<u32>(r, 128)) {
      case 0: o = text(o, '"connect"', 9); break;
      case 1: o = text(o, '"data"', 6); break;
      case 2: o = text(o, '"close"', 7); break;
      default: o = unsigned(o, load<u32>(r, 128));
    }
    o = text(o, ',"event_type":', 14);
    switch (load<u32>(r, 132)) {
      case 0: o = text(o, '"tcp_retransmit_skb"', 20); break;
      case 1: o = text(o, '"tcp_retransmit_synack"', 23); break;
      default: o = unsigned(o, load<u32>(r, 132));
    }
    o = text(o, ',"ca_state":', 12);
    o = known(o, 4, load<u32>(r, 136), load<u32>(r, 96));
    o = text(o, ',"icsk_pending":', 16);
    switch (load<u32>(r, 140)) {
      case 0: o = text(o, '"none"', 6); break;
      case 1: o = text(o, '"retransmission"', 16); break;
      case 3: o = text(o, '"zero_window"', 13); break;
      case 5: o = text(o, '"loss_probe"', 12); break;
      case 6: o = text(o, '"reordering"', 12); break;
      default: o = unsigned(o, load<u32>(r, 140));
    }
    o = text(o, ',"tcp_seq":', 11);
    o = unsigned(o, load<u32>(r, 144));
    o = text(o, ',"tcp_end_seq":', 15);
    o = unsigned(o, load<u32>(r, 148));
    o = text(o, ',"tcp_ack_seq":', 15);
    o = unsigned(o, load<u32>(r, 152));
    o = text(o, ',"reord_seen":', 14);
    o = unsigned(o, load<u32>(r, 156));
    o = text(o, ',"dsack_dups":', 14);
    o = unsigned(o, load<u32>(r, 160));
    if (load<u32>(r, 164) != 0) {
      o = text(o, ',"snd_cwnd":', 12);
      o = unsigned(o, load<u32>(r, 164));
    }
    o = text(o, ',"retransmits_total":', 21);
    o = unsigned(o, load<u32>(r, 168));
    o = text(o, ',"segments":', 12);
    o = unsigned(o, load<u32>(r, 172));
    o = text(o, ',"icsk_retransmits":', 20);
    o = unsigned(o, load<u32>(r, 176));
    o = text(o, ',"tcp_sport":', 13);
    o = unsigned(o, load<u16>(r, 180));
    o = text(o, ',"tcp_dport":', 13);
    o = unsigned(o, load<u16>(r, 182));
    o = text(o, ',"tcp_flags":"', 14);
    o = chars(o, r + 184, 8);
    o = text(o, '"}}\n', 4);
    return o;
  }
}

export function decode(): void {
  drain<EventRecord>(MAX_DATA_BYTES);
}
