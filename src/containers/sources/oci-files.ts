/**
 * The files that OCI runtimes and their callers keep of a container, and what they tell.
 *
 *   runc      state.json    id, init pid and its start, host name, annotations, cgroup directories
 *   crun      status        init pid and its start, cgroup path
 *   callers   config.json   the bundle's OCI configuration: host name, annotations, cgroup path asked for
 *
 * Shapes: runc 1.0 to 1.2 libcontainer.State, crun 1.x libcrun status, OCI runtime-spec 1.0 config. A config.json has the
 * environment; the shape drops it.
 */
import * as z from 'zod/mini';
import type { ContainerRuntime } from '../../sdk/container.ts';
import { kubernetesNames, utcTime } from './facts.ts';
import { specPaths, statePaths, statusPaths } from './oci-cgroups.ts';

/** What one file tells of a container. */
export interface OciFacts {
  readonly runtime?: ContainerRuntime | undefined;
  readonly name?: string | undefined;
  readonly image?: string | undefined;
  readonly hostname?: string | undefined;
  readonly podName?: string | undefined;
  readonly hostNamespace?: string | undefined;
  /** Its annotations: there are no labels in OCI. */
  readonly labels?: Readonly<Record<string, string>> | undefined;
  readonly initPid?: number | undefined;
  /** Start of that process in clock ticks after boot: whether the pid still means it. */
  readonly start_ticks?: number | undefined;
  readonly startTime?: string | undefined;
  readonly cgroupPaths?: readonly string[] | undefined;
}

const TEXT_MAP = z.record(z.string(), z.string());

const RUNC_STATE = z.object({
  init_process_pid: z.optional(z.int()),
  // Text in runc before 1.0.
  init_process_start: z.optional(z.coerce.number()),
  created: z.optional(z.string()),
  cgroup_paths: z.nullish(TEXT_MAP),
  config: z.nullish(z.object({ hostname: z.optional(z.string()), labels: z.nullish(z.array(z.string())) })),
});

const CRUN_STATUS = z.object({
  pid: z.int(),
  'process-start-time': z.optional(z.number()),
  'cgroup-path': z.optional(z.string()),
  created: z.optional(z.string()),
});

const OCI_CONFIG = z.object({
  hostname: z.optional(z.string()),
  annotations: z.nullish(TEXT_MAP),
  linux: z.nullish(z.object({ cgroupsPath: z.optional(z.string()) })),
});

/** @throws ZodError */
export function runcState(json: unknown): OciFacts {
  const state = RUNC_STATE.parse(json);
  const labels = Object.fromEntries((state.config?.labels ?? []).map(keyAndValue));
  // runc's own, between the annotations.
  delete labels.bundle;
  return {
    ...annotated(labels),
    hostname: state.config?.hostname,
    initPid: state.init_process_pid,
    start_ticks: state.init_process_start,
    startTime: utcTime(state.created),
    cgroupPaths: statePaths(state.cgroup_paths ?? {}),
  };
}

/** @throws ZodError */
export function crunStatus(json: unknown): OciFacts {
  const status = CRUN_STATUS.parse(json);
  return {
    initPid: status.pid,
    // crun writes 0 when the process had ended before it looked, and older versions nothing.
    start_ticks: status['process-start-time'] || undefined,
    startTime: utcTime(status.created),
    cgroupPaths: statusPaths(status['cgroup-path'] ?? ''),
  };
}

/** @throws ZodError */
export function ociConfig(json: unknown): OciFacts {
  const { hostname, annotations, linux } = OCI_CONFIG.parse(json);
  const cgroupPaths = linux?.cgroupsPath ? specPaths(linux.cgroupsPath) : [];
  return { ...annotated(annotations ?? {}), hostname, cgroupPaths };
}

/** What libpod and CRI-O call themselves in `io.container.manager`. */
const MANAGERS: Readonly<Record<string, ContainerRuntime>> = { libpod: 'podman', 'cri-o': 'cri-o' };

/** Annotations of containerd's CRI plugin, of CRI-O and of the image-spec's conversion (annotations.md). */
function annotated(labels: Readonly<Record<string, string>>): OciFacts {
  const kubernetes = kubernetesNames(labels);
  const manager = labels['io.container.manager'] ?? '';
  return {
    runtime: Object.hasOwn(MANAGERS, manager) ? MANAGERS[manager] : undefined,
    name: labels['io.kubernetes.cri.container-name'] ?? kubernetes.name,
    podName: labels['io.kubernetes.cri.sandbox-name'] ?? kubernetes.podName,
    hostNamespace: labels['io.kubernetes.cri.sandbox-namespace'] ?? kubernetes.hostNamespace,
    image:
      labels['io.kubernetes.cri.image-name'] ??
      labels['io.kubernetes.cri-o.ImageName'] ??
      labels['org.opencontainers.image.ref.name'],
    labels,
  };
}

/** runc keeps a map as `key=value` texts. */
function keyAndValue(text: string): [string, string] {
  const at = text.indexOf('=');
  return at < 0 ? [text, ''] : [text.slice(0, at), text.slice(at + 1)];
}
