/**
 * Filters as tcpdump takes them, compiled by libpcap to classic BPF. The library is loaded when the first one is asked for:
 * hosts without it have everything but filters.
 */
import koffi from 'koffi';
import { HuatuoError } from '../error.ts';
import type { Pointer } from './libbpf.ts';

/** Room of a program in bpf/include/packet_filter.h. */
const MAX_INSTRUCTIONS = 256;
/** Debian and its kin; others. */
const LIBRARIES = ['libpcap.so.0.8', 'libpcap.so.1'];
const DLT_EN10MB = 1;
const SNAPLEN = 65_535;
const OPTIMISED = 1;
const UNKNOWN_NETMASK = 0xffff_ffff;
/** `struct bpf_program` {u32 length, pointer instructions}. */
const PROGRAM_BYTES = 16;
const INSTRUCTION_BYTES = 8;

interface Libpcap {
  pcap_open_dead(linkType: number, snaplen: number): Pointer | null;
  pcap_close(handle: Pointer): void;
  pcap_geterr(handle: Pointer): string;
  pcap_freecode(program: Uint8Array): void;
  compile(
    handle: Pointer,
    program: Uint8Array,
    expression: string,
    optimise: number,
    netmask: number,
    done: (error: unknown, result: number) => void,
  ): void;
}

let loaded: Libpcap | undefined;

/**
 * Compiles an expression for packets with an Ethernet header, in a thread of libuv's pool: names of hosts are looked up.
 * @returns instructions, each the bits of a `struct sock_filter`; none for an empty expression
 * @throws COLLECTOR_INVALID for one that libpcap refuses, or that takes more than 256 instructions; LIBPCAP_MISSING
 */
export async function compilePacketFilter(expression: string): Promise<readonly bigint[]> {
  if (expression.trim() === '') return [];
  const api = libpcap();
  const handle = api.pcap_open_dead(DLT_EN10MB, SNAPLEN);
  if (!handle) throw refused(expression, 'no memory for it');
  try {
    const program = new Uint8Array(PROGRAM_BYTES);
    const result = await new Promise<number>((resolve, reject) => {
      api.compile(handle, program, expression, OPTIMISED, UNKNOWN_NETMASK, (error, value) =>
        error ? reject(error as Error) : resolve(value),
      );
    });
    if (result !== 0) throw refused(expression, api.pcap_geterr(handle));
    try {
      return instructionsOf(program, expression);
    } finally {
      api.pcap_freecode(program);
    }
  } finally {
    api.pcap_close(handle);
  }
}

/** A copy: the memory is libpcap's, and freed. */
function instructionsOf(program: Uint8Array, expression: string): bigint[] {
  const view = new DataView(program.buffer);
  const count = view.getUint32(0, true);
  if (count > MAX_INSTRUCTIONS)
    throw refused(expression, `one of ${count} instructions, more than ${MAX_INSTRUCTIONS}`);
  const bytes = koffi.view(view.getBigUint64(8, true), count * INSTRUCTION_BYTES);
  return [...new BigUint64Array(bytes.slice(0))];
}

function refused(expression: string, found: string): HuatuoError {
  return new HuatuoError('COLLECTOR_INVALID', {
    expected: `a filter as tcpdump takes it in place of '${expression}'`,
    found,
    remedy: 'correct the key filter of the collector; man pcap-filter has the syntax',
  });
}

function libpcap(): Libpcap {
  if (loaded) return loaded;
  let cause: unknown;
  for (const name of LIBRARIES) {
    try {
      const library = koffi.load(name);
      const { async: compile } = library.func(
        'int pcap_compile(void *p, uint8_t *fp, const char *str, int optimize, uint32_t netmask)',
      );
      loaded = {
        pcap_open_dead: library.func('void *pcap_open_dead(int linktype, int snaplen)'),
        pcap_close: library.func('void pcap_close(void *p)'),
        pcap_geterr: library.func('const char *pcap_geterr(void *p)'),
        pcap_freecode: library.func('void pcap_freecode(uint8_t *fp)'),
        compile,
      };
      return loaded;
    } catch (error) {
      cause = error;
    }
  }
  throw new HuatuoError('LIBPCAP_MISSING', {
    expected: LIBRARIES.join(' or '),
    found: 'no such library',
    remedy:
      'install libpcap (Debian, Ubuntu: libpcap0.8; Fedora, Alpine, Arch: libpcap), or leave the key filter of the collector empty',
    cause,
  });
}
