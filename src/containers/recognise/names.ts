/**
 * Which directory names are a container's: one function per way of naming.
 *
 * A wrong attribution is worse than none. Hence 64 hexadecimal characters or a name that only one program writes; never a
 * plain name such as `/default/redis` (ctr, bare runc and crun): only the runtime's own state directory knows those.
 */
import type { ContainerRuntime } from '../../sdk/container.ts';

/** A container, as the name of its directory tells it. */
interface Named {
  readonly id: string;
  readonly runtime: ContainerRuntime;
}

const ID_LENGTH = 64;

/**
 * Who writes `<prefix>-<id>` (cgroupfs), `<prefix>-<id>.scope` (systemd) or `<slice>:<prefix>:<id>`. A list and not a
 * pattern: `crio-conmon-<id>.scope` and `libpod-conmon-<id>.scope` hold the container's monitor. `libpod-payload` is what
 * quadlets get (`podman --cgroups=split`), inside the service; the monitor is in `runtime` beside it.
 */
const PREFIXES: ReadonlyMap<string, ContainerRuntime> = new Map([
  ['docker', 'docker'],
  ['cri-containerd', 'containerd'],
  ['nerdctl', 'containerd'],
  ['crio', 'cri-o'],
  ['libpod', 'podman'],
  ['libpod-payload', 'podman'],
]);

const L = 'l'.charCodeAt(0);
const M = 'm'.charCodeAt(0);
const S = 's'.charCodeAt(0);
const R = 'r'.charCodeAt(0);
const C = 'c'.charCodeAt(0);

/**
 * @param name of one directory
 * @param parent name of the directory above it, empty at the root
 * @returns undefined when the directory is not certainly a container's
 */
export function containerNamed(name: string, parent: string): Named | undefined {
  if (name.length >= ID_LENGTH) {
    const found = byId(name, parent);
    if (found) return found;
  }
  const first = name.charCodeAt(0);
  if (first === M && name.startsWith('machine-')) return machine(name, parent);
  if (first === S && name.startsWith('systemd-nspawn@')) return nspawnService(name);
  if ((first === R && name.startsWith('runc-')) || (first === C && name.startsWith('crun-')))
    return bareScope(name, first === R ? 'runc' : 'crun');
  // LXC 4, LXD and incus (`<project>_<name>`); LXC 3; LXC 2 and Proxmox. `lxc.monitor` is the monitor. A second container of
  // one name gets `-1` behind it, which cannot be told from a name of its own.
  if (first === L && name.startsWith('lxc.payload.')) return named(name.slice('lxc.payload.'.length), 'lxc');
  if (parent === 'lxc' || parent === 'lxc.payload') return named(name, 'lxc');
  if (name.endsWith('.libvirt-lxc')) return named(name.slice(0, -'.libvirt-lxc'.length), 'lxc');
  return fargate(name, parent);
}

/**
 * The id alone says nothing about its runtime: containerd, cri-dockerd and bare runc all write it; only `docker/` is
 * Docker's own. Two directories with an id are no container: a podman pod (`libpod_parent/<pod>/libpod-<id>`), and
 * `<id>.service`, which runs a health check of podman or nerdctl outside the container.
 */
function byId(name: string, parent: string): Named | undefined {
  const to = name.endsWith('.scope') ? name.length - '.scope'.length : name.length;
  const from = to - ID_LENGTH;
  if (from < 0 || !isHex(name, from, to)) return undefined;
  const id = name.slice(from, to);
  if (from === 0) {
    if (to !== name.length || parent === 'libpod_parent') return undefined;
    return { id, runtime: parent === 'docker' ? 'docker' : 'unknown' };
  }
  const runtime = prefixRuntime(name.slice(0, from));
  return runtime && { id, runtime };
}

/**
 * With the kubelet on the systemd driver and the runtime on cgroupfs, runc takes the colons of a systemd path for a name:
 * `kubepods-besteffort-pod<uid>.slice:cri-containerd:<id>`, often below `system.slice/containerd.service`.
 */
function prefixRuntime(prefix: string): ContainerRuntime | undefined {
  if (prefix.endsWith('-')) return PREFIXES.get(prefix.slice(0, -1));
  const slice = prefix.indexOf('.slice:');
  if (slice < 0 || !prefix.endsWith(':')) return undefined;
  return PREFIXES.get(prefix.slice(slice + '.slice:'.length, -1));
}

/** `runc-<name>.scope`, `crun-<name>.scope`: the systemd driver of a container without a cgroup path of its own. */
function bareScope(name: string, runtime: 'runc' | 'crun'): Named | undefined {
  return name.endsWith('.scope') ? named(name.slice('runc-'.length, -'.scope'.length), runtime) : undefined;
}

/**
 * What systemd-machined makes for those who ask it: systemd-nspawn, and libvirt, whose machines are called
 * `<driver>-<number>-<name>`. The guests of its QEMU and Cloud Hypervisor drivers are virtual machines, no containers.
 * The scope itself counts, not `payload` below it: nspawn makes that in the main hierarchy only, so not under cgroup v1's
 * memory and cpu.
 */
function machine(name: string, parent: string): Named | undefined {
  const inSlice = parent === 'machine.slice' || (parent.startsWith('machine-') && parent.endsWith('.slice'));
  if (!inSlice || !name.endsWith('.scope')) return undefined;
  const id = unescapeUnit(name.slice('machine-'.length, -'.scope'.length));
  if (/^(?:qemu|ch)-/.test(id)) return undefined;
  return named(id, /^lxc-\d+-/.test(id) ? 'lxc' : 'nspawn');
}

function nspawnService(name: string): Named | undefined {
  if (!name.endsWith('.service')) return undefined;
  return named(unescapeUnit(name.slice('systemd-nspawn@'.length, -'.service'.length)), 'nspawn');
}

/** `/ecs/<task>/<task>-<number>`: Fargate and ECS Managed Instances; the whole name is the id that ECS shows. */
function fargate(name: string, parent: string): Named | undefined {
  if (parent.length !== 32 || !name.startsWith(parent) || !isHex(parent, 0, 32)) return undefined;
  return /^-\d{1,10}$/.test(name.slice(32)) ? { id: name, runtime: 'containerd' } : undefined;
}

/** A name that a person gave. What no runtime would accept, and a unit inside a user's `lxc` directory, is none. */
function named(id: string, runtime: ContainerRuntime): Named | undefined {
  return /^[\w.+-]{1,128}$/.test(id) && !/\.(?:service|scope|slice)$/.test(id) ? { id, runtime } : undefined;
}

/** `my\x2dbox` is `my-box`: systemd.unit(5), string escaping. */
function unescapeUnit(text: string): string {
  return text.replace(/\\x([0-9a-f]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
}

/** The last character first: most names that are no id end in a letter beyond f. */
function isHex(text: string, from: number, to: number): boolean {
  return isHexDigit(text.charCodeAt(to - 1)) && /^[0-9a-f]+$/.test(text.slice(from, to));
}

function isHexDigit(code: number): boolean {
  return (code >= 0x30 && code <= 0x39) || (code >= 0x61 && code <= 0x66);
}
