/** Frames of every kind that has headers to read. */
import { ethernet, hex, ipv4, ipv6, tcp, udp } from './frames.ts';

const IPV4 = 0x0800;
export const PAYLOAD = Buffer.from('payload!');
/** UDP to this port. */
export const datagram = (dport: number, corrupt = false): Buffer =>
  ethernet(IPV4, ipv4({ protocol: 17 }, udp(4321, dport, PAYLOAD, corrupt)));
/** A SYN to this port. */
export const segment = (dport: number, corrupt = false): Buffer =>
  ethernet(IPV4, ipv4({ protocol: 6 }, tcp(4321, dport, { seq: 0x8000_0001, corrupt })));

/** Frames by the label that they must get. */
export const FRAMES: Readonly<Record<string, Buffer>> = {
  'UDP 192.0.2.1:4321 > 192.0.2.2:53': datagram(53),
  'TCP 192.0.2.1:4321 > 192.0.2.2:443 S': segment(443),
  'TCP 192.0.2.1:1 > 192.0.2.2:2 FP.': ethernet(
    IPV4,
    ipv4({ protocol: 6, options: hex('94040000') }, tcp(1, 2, { flags: 0x19, payload: PAYLOAD })),
    [0x6064],
  ),
  'UDP 192.0.2.1:5 > 192.0.2.2:6': ethernet(
    IPV4,
    ipv4({ protocol: 17 }, udp(5, 6, PAYLOAD)),
    [0x000a, 0x0014],
  ),
  'ICMP 192.0.2.1 > 192.0.2.2 echo_request': ethernet(IPV4, ipv4({ protocol: 1 }, hex('0800f7fc00010002'))),
  'UDP 192.0.2.1 > 192.0.2.2 fragment 185': ethernet(IPV4, ipv4({ protocol: 17, fragment: 185 }, PAYLOAD)),
  'TCP [2001:db8::1]:9 > [2001:db8::2]:8 R.': ethernet(
    0x86dd,
    ipv6(0, Buffer.concat([hex('3c00010400000000'), hex('0600010400000000'), tcp(9, 8, { flags: 0x14 })])),
  ),
  'ICMPv6 2001:db8::1 > 2001:db8::2 echo_reply': ethernet(0x86dd, ipv6(58, hex('8100000000070008'))),
  'UDP 2001:db8::1 > 2001:db8::2 fragment 3': ethernet(
    0x86dd,
    ipv6(44, Buffer.concat([hex('1100001800000001'), PAYLOAD])),
  ),
  'ARP request 192.0.2.9': ethernet(
    0x0806,
    hex(`0001080006040001${'020000000001'}c0000201${'000000000000'}c0000209`),
  ),
  '0x88cc': ethernet(0x88cc, Buffer.alloc(46)),
};
