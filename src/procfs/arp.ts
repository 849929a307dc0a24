/** /proc/<pid>/net/arp: arp_seq_show() in net/ipv4/arp.c. A title, then a line for each entry, which ends with its device. */

/** @returns entries by device */
export function countArpEntries(text: string): Map<string, number> {
  const entries = new Map<string, number>();
  for (const line of text.split('\n').slice(1)) {
    const device = line.slice(line.lastIndexOf(' ') + 1);
    if (device !== '') entries.set(device, (entries.get(device) ?? 0) + 1);
  }
  return entries;
}
