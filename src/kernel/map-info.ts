/** What the kernel says of a map. */
import { libbpf } from './libbpf.ts';

/** `struct bpf_map_info` of Linux 5.8; the kernel fills what it is given room for. */
const MAP_INFO_BYTES = 88;

export interface MapInfo {
  /** enum bpf_map_type of linux/bpf.h */
  readonly type: number;
  /** Unique for one boot. */
  readonly id: number;
  readonly keyBytes: number;
  readonly valueBytes: number;
  /** Of a ring buffer: its bytes. */
  readonly maxEntries: number;
}

/** @returns the negative errno when `fd` is not a BPF map */
export function readMapInfo(fd: number): MapInfo | number {
  const info = new Uint8Array(MAP_INFO_BYTES);
  const result = libbpf().bpf_obj_get_info_by_fd(fd, info, Uint32Array.of(info.byteLength));
  if (result < 0) return result;
  const [type = 0, id = 0, keyBytes = 0, valueBytes = 0, maxEntries = 0] = new Uint32Array(info.buffer);
  return { type, id, keyBytes, valueBytes, maxEntries };
}
