/**
 * Where OCI runtimes and their callers keep the state of containers, below /run:
 *
 *   runc/<id>/state.json                                                    runc by itself, podman or CRI-O with runc
 *   docker/runtime-runc/<namespace>/<id>/state.json                         docker
 *   containerd/runc/<namespace>/<id>/state.json                             containerd
 *   crun/<id>/status                                                        crun by itself, podman or CRI-O with crun
 *   containerd/io.containerd.runtime.v2.task/<namespace>/<id>/config.json   shims of containerd, of any runtime
 *   containers/storage/overlay-containers/<id>/userdata/config.json         podman, CRI-O
 */
import { readdir } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { isGone } from '../../procfs/source.ts';
import type { ContainerRuntime } from '../../sdk/container.ts';
import { crunStatus, type OciFacts, ociConfig, runcState } from './oci-files.ts';

interface StateDirectory {
  /** Below the root. */
  readonly base: string;
  readonly namespaces: boolean;
  /** Below the container's directory. */
  readonly file: string;
  readonly parse: (json: unknown) => OciFacts;
  readonly runtime?: ContainerRuntime;
  /** Holds the init pid in decimal, beside the file. */
  readonly pidFile?: string;
}

export const STATE_DIRECTORIES: readonly StateDirectory[] = [
  { base: 'runc', namespaces: false, file: 'state.json', parse: runcState, runtime: 'runc' },
  { base: 'docker/runtime-runc', namespaces: true, file: 'state.json', parse: runcState, runtime: 'docker' },
  { base: 'containerd/runc', namespaces: true, file: 'state.json', parse: runcState, runtime: 'containerd' },
  { base: 'crun', namespaces: false, file: 'status', parse: crunStatus, runtime: 'crun' },
  {
    base: 'containerd/io.containerd.runtime.v2.task',
    namespaces: true,
    file: 'config.json',
    parse: ociConfig,
    runtime: 'containerd',
    pidFile: 'init.pid',
  },
  {
    base: 'containers/storage/overlay-containers',
    namespaces: false,
    file: 'userdata/config.json',
    parse: ociConfig,
    pidFile: 'userdata/pidfile',
  },
];

/** Namespace of docker's containers in containerd. */
export const DOCKER_NAMESPACE: string = 'moby';

/** The directory of one container. */
export interface Found {
  readonly kind: StateDirectory;
  readonly namespace: string;
  readonly id: string;
  readonly directory: string;
}

/**
 * In the order of `STATE_DIRECTORIES`; directories that are not there hold nothing.
 * @throws the errno's error when one cannot be read
 */
export async function findContainers(root: string): Promise<readonly Found[]> {
  const found: Found[] = [];
  for (const kind of STATE_DIRECTORIES) {
    const base = join(root, kind.base);
    for (const space of kind.namespaces ? await subdirectories(base) : [base]) {
      const namespace = kind.namespaces ? basename(space) : '';
      for (const directory of await subdirectories(space))
        found.push({ kind, namespace, id: basename(directory), directory });
    }
  }
  return found;
}

async function subdirectories(path: string): Promise<readonly string[]> {
  try {
    const entries = await readdir(path, { withFileTypes: true });
    return entries.filter((entry) => entry.isDirectory()).map(({ name }) => join(path, name));
  } catch (error) {
    if (isGone(error)) return [];
    throw error;
  }
}
