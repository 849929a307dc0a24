/**
 * What the headers of a packet become: the members that `wasm/packet.ts` writes for a `packet_head_t`. A layer that the
 * packet does not have, or of which not enough was copied, is left out.
 */
import type { FieldFormat, FieldLayout } from './manifest.ts';

const number = (name: string, doc: string): FieldLayout => member(name, 'id', doc);
const text = (name: string, doc: string): FieldLayout => member(name, 'text', doc);
const address = (name: string, doc: string): FieldLayout => member(name, 'ip_addr', doc);
const maybe = (field: FieldLayout): FieldLayout => ({ ...field, optional: true });

function member(name: string, format: FieldFormat, doc: string): FieldLayout {
  return { name, json: name, format, offset: 0, bytes: 0, doc };
}

function layer(name: string, doc: string, fields: readonly FieldLayout[]): FieldLayout {
  return { ...member(name, 'struct', doc), optional: true, fields };
}

export const PACKET_LAYERS: readonly FieldLayout[] = [
  text('label', 'The packet in one line'),
  layer('ether', 'Ethernet header, where the packet had one', [
    text('saddr', 'Source'),
    text('daddr', 'Destination'),
    text('type', 'Protocol of what follows its VLAN tags'),
  ]),
  layer('vlan', 'Its outermost VLAN tag', [
    number('id', 'Number of the VLAN'),
    number('priority', 'Priority code point'),
    maybe(number('inner_id', 'Number of the VLAN within it')),
  ]),
  layer('ipv4', 'IPv4 header', [
    number('version', '4'),
    number('ihl', 'Length of the header, in words of four bytes'),
    number('tos', 'Type of service'),
    number('len', 'Length of header and payload'),
    number('id', 'Identification'),
    text('flags', 'DF, MF, both with a comma between them, or nothing'),
    number('frag_offset', 'Where the fragment belongs, in units of eight bytes'),
    number('ttl', 'Time to live'),
    text('protocol', 'Protocol of the payload'),
    number('checksum', 'Checksum of the header'),
    address('saddr', 'Source'),
    address('daddr', 'Destination'),
  ]),
  layer('ipv6', 'IPv6 header', [
    number('version', '6'),
    number('traffic_class', 'Traffic class'),
    number('flow_label', 'Flow label'),
    number('len', 'Length of what follows the header'),
    text('next_header', 'What follows the header: an extension header or the payload'),
    number('hop_limit', 'Hop limit'),
    address('saddr', 'Source'),
    address('daddr', 'Destination'),
    maybe(text('protocol', 'Protocol of the payload, behind the extension headers')),
    maybe(number('frag_offset', 'Where the fragment belongs, in units of eight bytes')),
  ]),
  layer('tcp', 'TCP header', [
    number('sport', 'Source port'),
    number('dport', 'Destination port'),
    number('seq', 'Sequence number'),
    number('ack_seq', 'Acknowledged sequence number'),
    number('data_offset', 'Length of the header, in words of four bytes'),
    text('flags', 'As tcpdump writes them: F FIN, S SYN, R RST, P PSH, . ACK, U URG, E ECE, W CWR'),
    number('window', 'Window, not scaled'),
    number('checksum', 'Checksum'),
    number('urgent', 'Urgent pointer'),
  ]),
  layer('udp', 'UDP header', [
    number('sport', 'Source port'),
    number('dport', 'Destination port'),
    number('len', 'Length of header and payload'),
    number('checksum', 'Checksum'),
  ]),
  layer('icmp', 'ICMP or ICMPv6 header', [
    text('type', 'What it says; the number when it has no name here'),
    number('code', 'Code'),
    number('checksum', 'Checksum'),
    maybe(number('id', 'Of an echo: its identifier')),
    maybe(number('seq', 'Of an echo: its sequence number')),
  ]),
  layer('arp', 'ARP for IPv4 over Ethernet', [
    text('addr_type', 'Kind of hardware address'),
    text('protocol', 'Kind of protocol address'),
    number('hw_address_size', 'Bytes of a hardware address'),
    number('prot_address_size', 'Bytes of a protocol address'),
    text('operation', 'request, reply, or the number'),
    text('sender_mac', 'Hardware address of the sender'),
    address('sender_ip', 'Address of the sender'),
    text('target_mac', 'Hardware address of the target; zeros in a request'),
    address('target_ip', 'Address of the target'),
  ]),
];
