/** Data that hangs on a task: whether this kernel has it, and which maps of an object are made for that reason. */
import type { MapLayout } from '../schema/manifest.ts';
import { kernelNames } from './kernel-names.ts';
import { type Libbpf, libbpf, type Pointer } from './libbpf.ts';

/** BPF_MAP_TYPE_TASK_STORAGE of linux/bpf.h */
const TASK_STORAGE = 29;
/** Where libbpf looks, whatever `path.sysfs` says. */
const KERNEL_BTF = '/sys/kernel/btf/vmlinux';
/**
 * Members of the kernel's map since it allocates from a pool of its own (Linux 6.4). Before, making an entry under the
 * scheduler's locks could dead-lock.
 */
const SAFE_ALLOCATION = ['bpf_ma', 'use_kmalloc_nolock'];

let known: boolean | undefined;

/** Whether programs may keep data in tasks, also where the scheduler's locks are held. Asked once for a process. */
function hasTaskStorage(): boolean {
  known ??= libbpf().libbpf_probe_bpf_map_type(TASK_STORAGE, null) === 1 && allocatesSafely();
  return known;
}

function allocatesSafely(): boolean {
  return SAFE_ALLOCATION.some(kernelNames(KERNEL_BTF));
}

/** Whether an object with these maps is to keep its start times in tasks. */
export function usesTaskStorage(maps: readonly MapLayout[]): boolean {
  return maps.some(({ type }) => type === 'task_storage') && hasTaskStorage();
}

/** Has libbpf make, of each pair of TASK_DATA() (bpf/include/task_data.h), the one map that this kernel can use. */
export function selectMaps(api: Libbpf, object: Pointer, maps: readonly MapLayout[]): void {
  const inTasks = usesTaskStorage(maps);
  for (const { name, type, without } of maps) {
    const unwanted = type === 'task_storage' ? !inTasks : without !== undefined && inTasks;
    const map = unwanted && api.bpf_object__find_map_by_name(object, name);
    if (map) api.bpf_map__set_autocreate(map, false);
  }
}
