/** The headers of a packet as an object: `{"label":"TCP 192.0.2.1:80 > …","ipv4":{…},"tcp":{…}}`; src/schema/packet.ts has its members. */
import { byte, text } from './bytes';
import { unsigned } from './digits';
import { ipAddress } from './ip';
import { etherTypeName, icmpType, isEcho, protocolName, tcpFlags } from './packet-names';
import {
  ARP,
  be16,
  be32,
  ether,
  etherType,
  fragmentOffset,
  innerVlan,
  IPV4,
  IPV6,
  network,
  NONE,
  parse,
  protocol,
  TCP,
  transport,
  UDP,
  vlan,
} from './packet-parse';

/** @param head a `struct packet_head` */
export function packet(o: usize, head: usize): usize {
  parse(head);
  o = text(label(text(o, '{"label":"', 10)), '"', 1);
  if (ether) o = writeEther(o);
  if (vlan) o = writeVlan(o);
  if (network) {
    if (etherType == IPV4) o = writeIpv4(o, network);
    else if (etherType == IPV6) o = writeIpv6(o, network);
    else o = writeArp(o, network);
  }
  if (transport) {
    if (protocol == TCP) o = writeTcp(o, transport);
    else if (protocol == UDP) o = writeUdp(o, transport);
    else o = writeIcmp(o, transport);
  }
  return byte(o, 0x7d);
}

/** `TCP 192.0.2.1:40000 > 192.0.2.2:80 S`, `ICMP 192.0.2.1 > 192.0.2.2 echo_request`, `ARP request 192.0.2.2`, `0x88cc`. */
function label(o: usize): usize {
  if (!network) return etherTypeName(o);
  if (etherType == ARP) return ipv4(byte(arpOperation(text(o, 'ARP ', 4)), 0x20), network + 24);
  o = protocol == NONE ? etherTypeName(o) : protocolName(o, protocol);
  const ports = transport && (protocol == TCP || protocol == UDP) ? transport : 0;
  o = endpoint(byte(o, 0x20), false, ports);
  o = endpoint(text(o, ' > ', 3), true, ports);
  if (fragmentOffset > 0) return unsigned(text(o, ' fragment ', 10), fragmentOffset);
  if (!transport || protocol == UDP) return o;
  o = byte(o, 0x20);
  return protocol == TCP ? tcpFlags(o, load<u8>(transport, 13)) : icmpType(o, load<u8>(transport));
}

/** @param ports address of the source port; 0: there are none */
function endpoint(o: usize, isDestination: bool, ports: usize): usize {
  if (etherType == IPV4) o = ipv4(o, network + (isDestination ? 16 : 12));
  else {
    if (ports) o = byte(o, 0x5b);
    o = ipAddress(o, network + (isDestination ? 24 : 8));
    if (ports) o = byte(o, 0x5d);
  }
  return ports ? unsigned(byte(o, 0x3a), be16(ports + (isDestination ? 2 : 0))) : o;
}

function writeEther(o: usize): usize {
  o = mac(text(o, ',"ether":{"saddr":"', 19), ether + 6);
  o = mac(text(o, '","daddr":"', 11), ether);
  return text(etherTypeName(text(o, '","type":"', 10)), '"}', 2);
}

function writeVlan(o: usize): usize {
  const tag = be16(vlan);
  o = unsigned(text(o, ',"vlan":{"id":', 14), tag & 0xfff);
  o = unsigned(text(o, ',"priority":', 12), tag >> 13);
  if (innerVlan) o = unsigned(text(o, ',"inner_id":', 12), be16(innerVlan) & 0xfff);
  return byte(o, 0x7d);
}

function writeIpv4(o: usize, p: usize): usize {
  o = unsigned(text(o, ',"ipv4":{"version":4,"ihl":', 27), load<u8>(p) & 15);
  o = unsigned(text(o, ',"tos":', 7), load<u8>(p, 1));
  o = unsigned(text(o, ',"len":', 7), be16(p + 2));
  o = unsigned(text(o, ',"id":', 6), be16(p + 4));
  const flags = load<u8>(p, 6) >> 5;
  o = text(o, ',"flags":"', 10);
  if (flags & 2) o = text(o, 'DF', 2);
  if ((flags & 3) == 3) o = byte(o, 0x2c);
  if (flags & 1) o = text(o, 'MF', 2);
  o = unsigned(text(o, '","frag_offset":', 16), fragmentOffset);
  o = unsigned(text(o, ',"ttl":', 7), load<u8>(p, 8));
  o = protocolName(text(o, ',"protocol":"', 13), protocol);
  o = unsigned(text(o, '","checksum":', 13), be16(p + 10));
  o = ipv4(text(o, ',"saddr":"', 10), p + 12);
  return text(ipv4(text(o, '","daddr":"', 11), p + 16), '"}', 2);
}

function writeIpv6(o: usize, p: usize): usize {
  const first = be32(p);
  o = unsigned(text(o, ',"ipv6":{"version":6,"traffic_class":', 37), (first >> 20) & 0xff);
  o = unsigned(text(o, ',"flow_label":', 14), first & 0xfffff);
  o = unsigned(text(o, ',"len":', 7), be16(p + 4));
  o = protocolName(text(o, ',"next_header":"', 16), load<u8>(p, 6));
  o = unsigned(text(o, '","hop_limit":', 14), load<u8>(p, 7));
  o = ipAddress(text(o, ',"saddr":"', 10), p + 8);
  o = byte(ipAddress(text(o, '","daddr":"', 11), p + 24), 0x22);
  if (protocol != NONE) o = byte(protocolName(text(o, ',"protocol":"', 13), protocol), 0x22);
  if (fragmentOffset >= 0) o = unsigned(text(o, ',"frag_offset":', 15), fragmentOffset);
  return byte(o, 0x7d);
}

function writeTcp(o: usize, p: usize): usize {
  o = unsigned(text(o, ',"tcp":{"sport":', 16), be16(p));
  o = unsigned(text(o, ',"dport":', 9), be16(p + 2));
  o = unsigned(text(o, ',"seq":', 7), be32(p + 4));
  o = unsigned(text(o, ',"ack_seq":', 11), be32(p + 8));
  o = unsigned(text(o, ',"data_offset":', 15), load<u8>(p, 12) >> 4);
  o = tcpFlags(text(o, ',"flags":"', 10), load<u8>(p, 13));
  o = unsigned(text(o, '","window":', 11), be16(p + 14));
  o = unsigned(text(o, ',"checksum":', 12), be16(p + 16));
  return byte(unsigned(text(o, ',"urgent":', 10), be16(p + 18)), 0x7d);
}

function writeUdp(o: usize, p: usize): usize {
  o = unsigned(text(o, ',"udp":{"sport":', 16), be16(p));
  o = unsigned(text(o, ',"dport":', 9), be16(p + 2));
  o = unsigned(text(o, ',"len":', 7), be16(p + 4));
  return byte(unsigned(text(o, ',"checksum":', 12), be16(p + 6)), 0x7d);
}

function writeIcmp(o: usize, p: usize): usize {
  o = icmpType(text(o, ',"icmp":{"type":"', 17), load<u8>(p));
  o = unsigned(text(o, '","code":', 9), load<u8>(p, 1));
  o = unsigned(text(o, ',"checksum":', 12), be16(p + 2));
  if (isEcho(load<u8>(p))) {
    o = unsigned(text(o, ',"id":', 6), be16(p + 4));
    o = unsigned(text(o, ',"seq":', 7), be16(p + 6));
  }
  return byte(o, 0x7d);
}

/** Only ARP for IPv4 over Ethernet has come this far. */
function writeArp(o: usize, p: usize): usize {
  o = text(o, ',"arp":{"addr_type":"Ethernet","protocol":"IPv4"', 48);
  o = text(o, ',"hw_address_size":6,"prot_address_size":4,"operation":"', 56);
  o = mac(text(arpOperation(o), '","sender_mac":"', 16), p + 8);
  o = ipv4(text(o, '","sender_ip":"', 15), p + 14);
  o = mac(text(o, '","target_mac":"', 16), p + 18);
  return text(ipv4(text(o, '","target_ip":"', 15), p + 24), '"}', 2);
}

function arpOperation(o: usize): usize {
  const operation = be16(network + 6);
  if (operation == 1) return text(o, 'request', 7);
  return operation == 2 ? text(o, 'reply', 5) : unsigned(o, operation);
}

function ipv4(o: usize, p: usize): usize {
  o = unsigned(o, load<u8>(p));
  for (let i: usize = 1; i < 4; i++) o = unsigned(byte(o, 0x2e), load<u8>(p + i));
  return o;
}

function mac(o: usize, p: usize): usize {
  for (let i: usize = 0; i < 6; i++) {
    if (i > 0) o = byte(o, 0x3a);
    const value: u32 = load<u8>(p + i);
    o = byte(byte(o, digit(value >> 4)), digit(value & 15));
  }
  return o;
}

@inline
function digit(nibble: u32): u32 {
  return nibble + (nibble < 10 ? 0x30 : 0x57);
}
