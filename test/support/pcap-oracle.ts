/** What libpcap's own interpreter says of a frame: the oracle of bpf/include/packet_filter.h. */
import koffi from 'koffi';

/** `struct bpf_program` {u32 length, pointer instructions}; `struct pcap_pkthdr` {timeval, u32 caplen, u32 len}. */
const PROGRAM_BYTES = 16;
const HEADER_BYTES = 24;

function libpcap(): ReturnType<typeof koffi.load> {
  try {
    return koffi.load('libpcap.so.0.8');
  } catch {
    return koffi.load('libpcap.so.1');
  }
}

/** @param program instructions, each the bits of a `struct sock_filter` */
export function libpcapPasses(program: readonly bigint[], frame: Uint8Array): boolean {
  const library = libpcap();
  const filter = library.func(
    'int pcap_offline_filter(const uint8_t *fp, const uint8_t *header, const uint8_t *packet)',
  );
  const instructions = BigUint64Array.from(program);
  const described = new DataView(new ArrayBuffer(PROGRAM_BYTES));
  described.setUint32(0, program.length, true);
  described.setBigUint64(8, koffi.address(instructions), true);
  const header = new DataView(new ArrayBuffer(HEADER_BYTES));
  header.setUint32(16, frame.length, true);
  header.setUint32(20, frame.length, true);
  return filter(new Uint8Array(described.buffer), new Uint8Array(header.buffer), frame) !== 0;
}
