/**
 * A BPF object that runs without its agent, and how the next agent gets hold of it again.
 *
 *   loaded and attached ──pin──► set of pins ··· no agent, programs fill the ring ··· ──adopt──► the same maps and links
 *
 * An adopted object is opened by libbpf but not loaded: its maps are given the fds of the pinned ones
 * (bpf_map__reuse_fd), its links are opened from their pins. All that is asked of an object later, maps by name and
 * letting go of links, works on it as on a loaded one; its programs have no fds.
 */
import { existsSync, readlinkSync } from 'node:fs';
import { HuatuoError } from '../../error.ts';
import type { AttachPoint } from '../../schema/manifest.ts';
import type { Handles } from '../handles.ts';
import { errnoName, type Libbpf, lastErrno, type Pointer } from '../libbpf.ts';
import { closeFd } from '../libc.ts';
import { readMapInfo } from '../map-info.ts';
import type { ProgramChoice } from '../programs.ts';
import type { Pinnable, PinSet } from './pin-set.ts';

/**
 * Pins the maps and links of an object whose programs are attached.
 * @throws what PinSet.create throws; the object goes on unpinned
 */
export function pinObject(api: Libbpf, handles: Handles, set: PinSet): void {
  const maps = mapsOf(api, handles.object).map(
    (map): Pinnable => ({ name: mapName(api, map), fd: api.bpf_map__fd(map) }),
  );
  const links = [...handles.links].map(([name, link]): Pinnable => ({ name, fd: api.bpf_link__fd(link) }));
  set.create(maps, links);
  handles.pinned = true;
}

/**
 * Fills handles with the maps and links of a complete set.
 * @param handles of an object that was opened from the bytes the set was made from, and not loaded
 * @param choice is left without programs that the set has no link of and the object can do without
 * @throws SYSCALL_FAILED when the set is damaged; the handles are then as far as they came: close them
 */
export function adoptObject(api: Libbpf, handles: Handles, choice: ProgramChoice, set: PinSet): void {
  for (const map of mapsOf(api, handles.object)) reuseMap(api, map, set.mapPath(mapName(api, map)));
  const next = (): AttachPoint | undefined =>
    choice.chosen.find(({ program }) => !handles.links.has(program));
  // One that the kernel refused when the set was made gives its place to another variant, as it did then.
  for (let point = next(); point; point = next()) {
    const path = set.linkPath(point.program);
    if (existsSync(path) || !choice.canDrop(point)) handles.addLink(point.program, openLink(api, path));
    else
      choice.drop(point, { expected: `it attached to ${point.section}`, found: 'a pinned set without it' });
  }
  handles.pinned = true;
}

function reuseMap(api: Libbpf, map: Pointer, path: string): void {
  const fd = api.bpf_obj_get(path);
  if (fd < 0) throw damaged(path, 'a map', errnoName(fd));
  try {
    requireKind(fd, path, 'map');
    const info = readMapInfo(fd);
    if (typeof info === 'number') throw damaged(path, 'the description of a map', errnoName(info));
    const wanted = [api.bpf_map__type(map), api.bpf_map__key_size(map), api.bpf_map__value_size(map)];
    const found = [info.type, info.keyBytes, info.valueBytes];
    if (found.join() !== wanted.join()) {
      throw damaged(path, `type, key and value sizes ${wanted.join(', ')}`, found.join(', '));
    }
    const result = api.bpf_map__reuse_fd(map, fd);
    if (result < 0) throw damaged(path, 'a map', errnoName(result));
  } finally {
    // libbpf has made a copy of its own.
    closeFd(fd);
  }
}

function openLink(api: Libbpf, path: string): Pointer {
  const link = api.bpf_link__open(path);
  if (!link) throw damaged(path, 'a link', lastErrno());
  try {
    requireKind(api.bpf_link__fd(link), path, 'link');
    return link;
  } catch (error) {
    api.bpf_link__destroy(link);
    throw error;
  }
}

/**
 * A pin may hold a map, a program or a link. The file of an fd says of what: `bpf-map`, `bpf-link`, `bpf_link` on older kernels.
 */
function requireKind(fd: number, path: string, kind: 'map' | 'link'): void {
  const found = readlinkSync(`/proc/self/fd/${fd}`);
  if (!new RegExp(`bpf[-_]${kind}`).test(found)) throw damaged(path, `a ${kind}`, found);
}

/** Without those that this kernel does not need, see `selectMaps`. */
function mapsOf(api: Libbpf, object: Pointer): Pointer[] {
  const maps: Pointer[] = [];
  let map = api.bpf_object__next_map(object, null);
  while (map) {
    if (api.bpf_map__autocreate(map)) maps.push(map);
    map = api.bpf_object__next_map(object, map);
  }
  return maps;
}

/** libbpf puts the object's name, which differs from one agent to the next, before the section's: `7f01-3c.rodata`. */
function mapName(api: Libbpf, map: Pointer): string {
  const name = api.bpf_map__name(map);
  return name.slice(Math.max(0, name.indexOf('.')));
}

function damaged(path: string, expected: string, found: string): HuatuoError {
  return new HuatuoError('SYSCALL_FAILED', {
    expected: `${expected} pinned at ${path}`,
    found,
    remedy: 'the set is replaced by a new one',
  });
}
