/** IP addresses as the kernel's programs keep them: 16 bytes, IPv4 as ::ffff:a.b.c.d. */

const IPV4_MAPPED = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff];

/** `a.b.c.d` for a mapped IPv4 address, else the text of RFC 5952. @param bytes 16 of them */
export function ipText(bytes: Uint8Array): string {
  if (IPV4_MAPPED.every((byte, index) => bytes[index] === byte)) return bytes.subarray(12, 16).join('.');
  const groups = Array.from({ length: 8 }, (_, i) => ((bytes[2 * i]! << 8) | bytes[2 * i + 1]!).toString(16));
  return shortest(groups.join(':'));
}

/** The inverse of `ipText`, for any spelling. @returns undefined when it is no IP address */
export function ipBytes(text: string): Uint8Array | undefined {
  // Loaded when it is needed: most threads never are, and it takes memory in each.
  const { isIPv4, isIPv6 } = process.getBuiltinModule('node:net');
  if (isIPv4(text)) return Uint8Array.from([...IPV4_MAPPED, ...text.split('.').map(Number)]);
  if (!isIPv6(text) || text.includes('%')) return undefined;
  const [head = '', tail] = shortest(text).split('::');
  const before = groupsOf(head);
  const after = groupsOf(tail ?? '');
  const zeros = Array.from({ length: 8 - before.length - after.length }, () => 0);
  return Uint8Array.from([...before, ...zeros, ...after].flatMap((group) => [group >> 8, group & 0xff]));
}

/** The URL standard writes IPv6 by the rules of RFC 5952, in hexadecimal throughout. */
function shortest(text: string): string {
  return new URL(`http://[${text}]/`).hostname.slice(1, -1);
}

function groupsOf(text: string): number[] {
  return text === '' ? [] : text.split(':').map((group) => Number.parseInt(group, 16));
}
