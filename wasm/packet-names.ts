/** What the numbers in headers are called. */
import { byte, text } from './bytes';
import { hex, unsigned } from './digits';
import { ARP, etherType, ICMP, ICMPV6, IPV4, IPV6, protocol } from './packet-parse';

const ECHO_REPLY: u32 = 0;
const ECHO_REQUEST: u32 = 8;
const ECHO_REQUEST_6: u32 = 128;
const ECHO_REPLY_6: u32 = 129;

export function etherTypeName(o: usize): usize {
  if (etherType == IPV4) return text(o, 'IPv4', 4);
  if (etherType == IPV6) return text(o, 'IPv6', 4);
  if (etherType == ARP) return text(o, 'ARP', 3);
  return hex(text(o, '0x', 2), etherType);
}

/** IANA's names of the protocols that are met most; the number of others. */
export function protocolName(o: usize, number: u32): usize {
  switch (number) {
    case 0: return text(o, 'HOPOPT', 6);
    case 1: return text(o, 'ICMP', 4);
    case 2: return text(o, 'IGMP', 4);
    case 4: return text(o, 'IPv4', 4);
    case 6: return text(o, 'TCP', 3);
    case 17: return text(o, 'UDP', 3);
    case 41: return text(o, 'IPv6', 4);
    case 43: return text(o, 'IPv6-Route', 10);
    case 44: return text(o, 'IPv6-Frag', 9);
    case 47: return text(o, 'GRE', 3);
    case 50: return text(o, 'ESP', 3);
    case 51: return text(o, 'AH', 2);
    case 58: return text(o, 'ICMPv6', 6);
    case 59: return text(o, 'IPv6-NoNxt', 10);
    case 60: return text(o, 'IPv6-Opts', 9);
    case 132: return text(o, 'SCTP', 4);
    default: return unsigned(o, number);
  }
}

export function isEcho(type: u32): bool {
  if (protocol == ICMP) return type == ECHO_REQUEST || type == ECHO_REPLY;
  return type == ECHO_REQUEST_6 || type == ECHO_REPLY_6;
}

/** RFC 792 and RFC 4443, RFC 4861. */
export function icmpType(o: usize, type: u32): usize {
  if (protocol == ICMPV6) {
    switch (type) {
      case 1: return text(o, 'destination_unreachable', 23);
      case 2: return text(o, 'packet_too_big', 14);
      case 3: return text(o, 'time_exceeded', 13);
      case 4: return text(o, 'parameter_problem', 17);
      case ECHO_REQUEST_6: return text(o, 'echo_request', 12);
      case ECHO_REPLY_6: return text(o, 'echo_reply', 10);
      case 133: return text(o, 'router_solicitation', 19);
      case 134: return text(o, 'router_advertisement', 20);
      case 135: return text(o, 'neighbor_solicitation', 21);
      case 136: return text(o, 'neighbor_advertisement', 22);
      case 137: return text(o, 'redirect', 8);
      default: return unsigned(o, type);
    }
  }
  switch (type) {
    case ECHO_REPLY: return text(o, 'echo_reply', 10);
    case 3: return text(o, 'destination_unreachable', 23);
    case 4: return text(o, 'source_quench', 13);
    case 5: return text(o, 'redirect', 8);
    case ECHO_REQUEST: return text(o, 'echo_request', 12);
    case 11: return text(o, 'time_exceeded', 13);
    case 12: return text(o, 'parameter_problem', 17);
    default: return unsigned(o, type);
  }
}

/** `S.`: the order of the bits is F S R P . U E W. */
export function tcpFlags(o: usize, flags: u32): usize {
  // "FSRP.UEW", lowest bit first.
  const letters: u64 = 0x5745552e50525346;
  for (let bit: u32 = 0; bit < 8; bit++)
    if (flags & (1 << bit)) o = byte(o, <u32>((letters >> (bit << 3)) & 0xff));
  return o;
}
