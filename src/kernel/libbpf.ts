/**
 * Every function of libbpf the agent calls, with its C prototype. A wrong signature here is memory corruption in a root
 * process, so they all live in this one file and `libbpf()` refuses versions it was not written for.
 *
 * The main thread alone calls them: koffi frees nothing of what it makes for a thread, and workers come and go; and what
 * libbpf hands out belongs to the process, so no worker that dies can take it along.
 */
import koffi from 'koffi';
import { HuatuoError } from '../error.ts';

/** A C pointer as koffi hands it out. 0n and null are both NULL. */
export type Pointer = bigint;

type OpenOptions = {
  sz: number;
  kernel_log_buf: Pointer;
  kernel_log_size: number;
  kernel_log_level: number;
};

type IteratorOptions = {
  sz: number;
  link_info: Pointer;
  link_info_len: number;
};

/** The functions, typed as they are declared below. Failures follow libbpf 1.x: NULL + errno, or a negative errno. */
export interface Libbpf {
  bpf_object__open_mem(bytes: Uint8Array, size: number, options: OpenOptions): Pointer | null;
  bpf_object__close(object: Pointer): void;
  bpf_object__find_map_by_name(object: Pointer, name: string): Pointer | null;
  bpf_object__next_map(object: Pointer, previous: Pointer | null): Pointer | null;
  bpf_object__find_program_by_name(object: Pointer, name: string): Pointer | null;
  bpf_map__name(map: Pointer): string;
  bpf_map__fd(map: Pointer): number;
  bpf_map__type(map: Pointer): number;
  bpf_map__key_size(map: Pointer): number;
  bpf_map__value_size(map: Pointer): number;
  bpf_map__reuse_fd(map: Pointer, fd: number): number;
  bpf_map__autocreate(map: Pointer): boolean;
  bpf_map__set_autocreate(map: Pointer, autocreate: boolean): number;
  bpf_map__set_max_entries(map: Pointer, entries: number): number;
  bpf_map__initial_value(map: Pointer, size: [bigint | number]): Pointer | null;
  bpf_program__name(program: Pointer): string;
  bpf_program__fd(program: Pointer): number;
  bpf_program__set_autoload(program: Pointer, autoload: boolean): number;
  bpf_program__set_log_buf(program: Pointer, log: Pointer, size: number): number;
  bpf_program__attach(program: Pointer): Pointer | null;
  bpf_program__attach_perf_event(program: Pointer, perfFd: number): Pointer | null;
  bpf_program__attach_iter(program: Pointer, options: IteratorOptions | null): Pointer | null;
  bpf_iter_create(linkFd: number): number;
  bpf_link__fd(link: Pointer): number;
  bpf_link__open(path: string): Pointer | null;
  bpf_link__disconnect(link: Pointer): void;
  bpf_link__destroy(link: Pointer): number;
  bpf_obj_pin(fd: number, path: string): number;
  bpf_obj_get(path: string): number;
  bpf_map_lookup_elem(fd: number, key: Uint8Array, value: Uint8Array): number;
  bpf_map_update_elem(fd: number, key: Uint8Array, value: Uint8Array, flags: number): number;
  bpf_map_delete_elem(fd: number, key: Uint8Array): number;
  bpf_map_lookup_batch(
    fd: number,
    inBatch: Uint8Array | null,
    outBatch: Uint8Array,
    keys: Uint8Array,
    values: Uint8Array,
    count: Uint32Array,
    options: null,
  ): number;
  bpf_map_lookup_and_delete_batch(
    fd: number,
    inBatch: Uint8Array | null,
    outBatch: Uint8Array,
    keys: Uint8Array,
    values: Uint8Array,
    count: Uint32Array,
    options: null,
  ): number;
  bpf_obj_get_info_by_fd(fd: number, info: Uint8Array, length: Uint32Array): number;
  bpf_enable_stats(type: number): number;
  btf__free(btf: Pointer): void;
  btf__load_module_btf(module: string, vmlinux: Pointer): Pointer | null;
  btf__find_by_name_kind(btf: Pointer, name: string, kind: number): number;
  btf__type_by_id(btf: Pointer, id: number): Pointer | null;
  btf__name_by_offset(btf: Pointer, offset: number): string;
  libbpf_num_possible_cpus(): number;
  libbpf_probe_bpf_map_type(type: number, options: null): number;
  libbpf_version_string(): string;
  libbpf_major_version(): number;
}

const PROTOTYPES: Readonly<Record<keyof Libbpf, string>> = {
  bpf_object__open_mem:
    'void *bpf_object__open_mem(const uint8_t *obj_buf, size_t obj_buf_sz, open_options *opts)',
  bpf_object__close: 'void bpf_object__close(void *obj)',
  bpf_object__find_map_by_name: 'void *bpf_object__find_map_by_name(const void *obj, const char *name)',
  bpf_object__next_map: 'void *bpf_object__next_map(const void *obj, const void *map)',
  bpf_object__find_program_by_name:
    'void *bpf_object__find_program_by_name(const void *obj, const char *name)',
  bpf_map__name: 'const char *bpf_map__name(const void *map)',
  bpf_map__fd: 'int bpf_map__fd(const void *map)',
  bpf_map__type: 'uint32_t bpf_map__type(const void *map)',
  bpf_map__key_size: 'uint32_t bpf_map__key_size(const void *map)',
  bpf_map__value_size: 'uint32_t bpf_map__value_size(const void *map)',
  bpf_map__reuse_fd: 'int bpf_map__reuse_fd(void *map, int fd)',
  bpf_map__autocreate: 'bool bpf_map__autocreate(const void *map)',
  bpf_map__set_autocreate: 'int bpf_map__set_autocreate(void *map, bool autocreate)',
  bpf_map__set_max_entries: 'int bpf_map__set_max_entries(void *map, uint32_t max_entries)',
  bpf_map__initial_value: 'void *bpf_map__initial_value(void *map, _Out_ size_t *psize)',
  bpf_program__name: 'const char *bpf_program__name(const void *prog)',
  bpf_program__fd: 'int bpf_program__fd(const void *prog)',
  bpf_program__set_autoload: 'int bpf_program__set_autoload(void *prog, bool autoload)',
  bpf_program__set_log_buf: 'int bpf_program__set_log_buf(void *prog, void *log_buf, size_t log_size)',
  bpf_program__attach: 'void *bpf_program__attach(const void *prog)',
  bpf_program__attach_perf_event: 'void *bpf_program__attach_perf_event(const void *prog, int pfd)',
  bpf_program__attach_iter: 'void *bpf_program__attach_iter(const void *prog, iterator_options *opts)',
  bpf_iter_create: 'int bpf_iter_create(int link_fd)',
  bpf_link__fd: 'int bpf_link__fd(const void *link)',
  bpf_link__open: 'void *bpf_link__open(const char *path)',
  bpf_link__disconnect: 'void bpf_link__disconnect(void *link)',
  bpf_link__destroy: 'int bpf_link__destroy(void *link)',
  bpf_obj_pin: 'int bpf_obj_pin(int fd, const char *pathname)',
  bpf_obj_get: 'int bpf_obj_get(const char *pathname)',
  bpf_map_lookup_elem: 'int bpf_map_lookup_elem(int fd, const uint8_t *key, uint8_t *value)',
  bpf_map_update_elem:
    'int bpf_map_update_elem(int fd, const uint8_t *key, const uint8_t *value, uint64_t flags)',
  bpf_map_delete_elem: 'int bpf_map_delete_elem(int fd, const uint8_t *key)',
  bpf_map_lookup_batch:
    'int bpf_map_lookup_batch(int fd, uint8_t *in_batch, uint8_t *out_batch, uint8_t *keys, uint8_t *values, uint32_t *count, void *opts)',
  bpf_map_lookup_and_delete_batch:
    'int bpf_map_lookup_and_delete_batch(int fd, uint8_t *in_batch, uint8_t *out_batch, uint8_t *keys, uint8_t *values, uint32_t *count, void *opts)',
  bpf_obj_get_info_by_fd: 'int bpf_obj_get_info_by_fd(int bpf_fd, uint8_t *info, uint32_t *info_len)',
  bpf_enable_stats: 'int bpf_enable_stats(int type)',
  btf__load_module_btf: 'void *btf__load_module_btf(const char *module_name, void *vmlinux_btf)',
  btf__free: 'void btf__free(void *btf)',
  btf__find_by_name_kind: 'int btf__find_by_name_kind(const void *btf, const char *type_name, uint32_t kind)',
  btf__type_by_id: 'const void *btf__type_by_id(const void *btf, uint32_t id)',
  btf__name_by_offset: 'const char *btf__name_by_offset(const void *btf, uint32_t offset)',
  libbpf_num_possible_cpus: 'int libbpf_num_possible_cpus(void)',
  libbpf_probe_bpf_map_type: 'int libbpf_probe_bpf_map_type(uint32_t map_type, const void *opts)',
  libbpf_version_string: 'const char *libbpf_version_string(void)',
  libbpf_major_version: 'uint32_t libbpf_major_version(void)',
};

/**
 * `struct bpf_object_open_opts` up to the fields we set. libbpf reads `sz` and takes what lies beyond as zero. The
 * reserved members keep their place: `long :0`, object_name, relaxed_maps, pin_root_path, kconfig, btf_custom_path.
 */
const OPEN_OPTIONS = {
  sz: 'size_t',
  object_name: 'const char *',
  relaxed_maps: 'bool',
  pin_root_path: 'const char *',
  reserved: 'uint32_t',
  kconfig: 'const char *',
  btf_custom_path: 'const char *',
  kernel_log_buf: 'void *',
  kernel_log_size: 'size_t',
  kernel_log_level: 'uint32_t',
} as const;

/** `struct bpf_iter_attach_opts`. */
const ITERATOR_OPTIONS = { sz: 'size_t', link_info: 'void *', link_info_len: 'uint32_t' } as const;

let loaded: Libbpf | undefined;
let loadAsync: ((object: Pointer, done: (error: unknown, result: number) => void) => void) | undefined;
let loadBtfAsync: ((done: (error: unknown, btf: Pointer | null) => void) => void) | undefined;
let openOptionsBytes = 0;
let iteratorOptionsBytes = 0;

/**
 * The functions of `libbpf.so.1`, loaded on first use.
 * @throws LIBBPF_MISSING when the library cannot be loaded or is not version 1.x
 */
export function libbpf(): Libbpf {
  if (loaded) return loaded;
  const remedy =
    'install libbpf 1.x (Debian, Ubuntu: libbpf1; Fedora, Alpine, Arch: libbpf), or run npm run setup';
  let library: ReturnType<typeof koffi.load>;
  try {
    library = koffi.load('libbpf.so.1');
  } catch (cause) {
    throw new HuatuoError('LIBBPF_MISSING', {
      expected: 'libbpf.so.1',
      found: 'no such library',
      remedy,
      cause,
    });
  }
  openOptionsBytes = koffi.sizeof(koffi.struct('open_options', OPEN_OPTIONS));
  iteratorOptionsBytes = koffi.sizeof(koffi.struct('iterator_options', ITERATOR_OPTIONS));
  const functions: Record<string, unknown> = {};
  for (const [name, prototype] of Object.entries(PROTOTYPES)) {
    try {
      functions[name] = library.func(prototype);
    } catch (cause) {
      throw new HuatuoError('LIBBPF_MISSING', {
        expected: `${name} in libbpf.so.1`,
        found: 'a library without it',
        remedy,
        cause,
      });
    }
  }
  // libbpf talks to stderr by itself; what it has to say reaches the user through errno and the verifier log.
  library.func('void *libbpf_set_print(void *fn)')(null);
  const api = functions as unknown as Libbpf;
  if (api.libbpf_major_version() !== 1) {
    const found = `libbpf ${api.libbpf_version_string()}`;
    throw new HuatuoError('LIBBPF_MISSING', { expected: 'libbpf 1.x', found, remedy });
  }
  loadAsync = library.func('int bpf_object__load(void *obj)').async;
  loadBtfAsync = library.func('void *btf__load_vmlinux_btf(void)').async;
  loaded = api;
  return api;
}

/**
 * bpf_object__load() in a thread of libuv's pool: the verifier may think for seconds. libbpf is not locked inside, so no caller
 * else may use the object meanwhile.
 * @returns a negative errno when the kernel refuses it
 */
export function loadObject(object: Pointer): Promise<number> {
  libbpf();
  return new Promise((resolve, reject) => {
    loadAsync?.(object, (error, result) => (error ? reject(error as Error) : resolve(result)));
  });
}

/**
 * btf__load_vmlinux_btf() in a thread of libuv's pool: it reads and checks megabytes.
 * @returns null when the kernel has none; the caller frees it
 */
export function loadVmlinuxBtf(): Promise<Pointer | null> {
  libbpf();
  return new Promise((resolve, reject) => {
    loadBtfAsync?.((error, btf) => (error ? reject(error as Error) : resolve(btf)));
  });
}

/** What an empty log has as its address: with none at all libbpf would make logs of its own, of 16 MB and more. */
const NO_LOG = new Uint8Array(1);

/**
 * Options of `bpf_object__open_mem` that collect the verifier's words of a refused program in `log`, which the caller
 * keeps alive until the object is loaded: libbpf stores its address. With an empty one libbpf does not ask for them.
 */
export function openOptions(log: Uint8Array): OpenOptions {
  return {
    sz: openOptionsBytes,
    kernel_log_buf: koffi.address(log.byteLength > 0 ? log : NO_LOG),
    kernel_log_size: log.byteLength,
    kernel_log_level: 0,
  };
}

/** Has the verifier's words of a refused program written to `log`, which the caller keeps alive until the object is loaded. */
export function collectLog(api: Libbpf, program: Pointer, log: Uint8Array): void {
  api.bpf_program__set_log_buf(program, koffi.address(log), log.byteLength);
}

/** Options of `bpf_program__attach_iter`. @param linkInfo a `union bpf_iter_link_info`, kept alive by the caller during the call */
export function iteratorOptions(linkInfo: Uint8Array): IteratorOptions {
  return {
    sz: iteratorOptionsBytes,
    link_info: koffi.address(linkInfo),
    link_info_len: linkInfo.byteLength,
  };
}

/** errno of the last libbpf call of this thread that returned NULL, as a name: `EPERM`. */
export function lastErrno(): string {
  return errnoName(koffi.errno());
}

/** Name of an errno value, positive or negative: `EPERM`. */
export function errnoName(value: number): string {
  const number = Math.abs(value);
  for (const [name, code] of Object.entries(koffi.os.errno)) if (code === number) return name;
  return `errno ${number}`;
}
