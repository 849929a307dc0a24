/**
 * The containers of this host from what their OCI runtimes and callers keep below /run: no engine is asked, so it works without
 * a daemon, and for `runc run`, `crun run`, `ctr run` and nerdctl.
 *
 * Files of the same namespace and id are one container; the runtime's own state comes first, as it knows what became of the
 * request. Directories of containers that ended stay until they are deleted, and pids are used again, so a container
 * is listed only while its init process is the one that was written down.
 */
import { join } from 'node:path';
import { isGone } from '../../procfs/source.ts';
import { parseJson, sourceFailed, whyMalformed } from './answers.ts';
import { eachBounded } from './bounded.ts';
import { known, processStart } from './facts.ts';
import { isDirectory, readSmallFile } from './files.ts';
import { DOCKER_NAMESPACE, type Found, findContainers, STATE_DIRECTORIES } from './oci-directories.ts';
import type { OciFacts } from './oci-files.ts';
import { type ContainerDetails, type DetailSource, type LeftOut, MAX_DETAILS } from './source.ts';

const FILES_AT_A_TIME = 8;

interface OciStateOptions {
  /** `/run` of the host. */
  readonly root: string;
  /** Mount point of the procfs in which the containers' processes are seen. */
  readonly procfs?: string;
}

interface Kept {
  readonly version: string;
  readonly facts: OciFacts;
}

/** The running containers that have state on disk. */
export function ociState(options: OciStateOptions): DetailSource {
  return new OciState(options);
}

class OciState implements DetailSource {
  readonly name = 'oci';
  readonly place: string;
  readonly #procfs: string;
  readonly #source: string;
  /** By path, so that a file is parsed once for each time it is written. */
  #kept = new Map<string, Kept>();
  #leftOut: LeftOut | undefined;

  constructor({ root, procfs = '/proc' }: OciStateOptions) {
    this.place = root;
    this.#procfs = procfs;
    this.#source = `OCI state below ${root}`;
  }

  get leftOut(): LeftOut | undefined {
    return this.#leftOut;
  }

  present(): boolean {
    return STATE_DIRECTORIES.some(({ base }) => isDirectory(join(this.place, base)));
  }

  async list(signal: AbortSignal): Promise<readonly ContainerDetails[]> {
    const found = await this.#find();
    const kept = new Map<string, Kept>();
    let malformed = 0;
    let first: unknown;
    const containers = new Map<string, OciFacts & { readonly id: string }>();
    const facts = await eachBounded(found, FILES_AT_A_TIME, async (one) => {
      this.#inTime(signal);
      try {
        return await this.#read(one, kept);
      } catch (error) {
        if (isGone(error)) return undefined;
        malformed++;
        first ??= error;
        return undefined;
      }
    });
    this.#kept = kept;
    if (malformed > 0 && malformed === found.length) throw this.#unreadable(first);
    for (const [at, { namespace, id }] of found.entries()) {
      const key = join(namespace, id);
      const later = facts[at];
      const earlier = containers.get(key);
      if (later) containers.set(key, { id, ...(earlier ? merged(earlier, later) : later) });
    }
    const running = [...containers.values()].filter((one) => this.#runs(one));
    this.#leftOut = { malformed, overLimit: Math.max(0, running.length - MAX_DETAILS) };
    return running.slice(0, MAX_DETAILS).map(details);
  }

  /** Nothing is open between lists. */
  [Symbol.dispose](): void {
    this.#kept.clear();
  }

  async #find(): Promise<readonly Found[]> {
    try {
      return await findContainers(this.place);
    } catch (error) {
      throw this.#unreadable(error);
    }
  }

  async #read({ kind, namespace, directory }: Found, kept: Map<string, Kept>): Promise<OciFacts> {
    const path = join(directory, kind.file);
    const former = this.#kept.get(path);
    const { version, text } = await readSmallFile(path, former?.version);
    const facts =
      text === undefined && former ? former.facts : kind.parse(parseJson(Buffer.from(text ?? '')));
    kept.set(path, { version, facts });
    const runtime = facts.runtime ?? (namespace === DOCKER_NAMESPACE ? 'docker' : kind.runtime);
    const initPid = facts.initPid ?? (kind.pidFile && (await pidIn(join(directory, kind.pidFile))));
    return { ...facts, runtime, ...(initPid ? { initPid } : {}) };
  }

  /** Without a pid it is only being made, or nothing but its configuration is left. */
  #runs({ initPid, start_ticks }: OciFacts): boolean {
    const now = initPid !== undefined && initPid > 0 ? processStart(this.#procfs, initPid) : undefined;
    return now !== undefined && (start_ticks === undefined || start_ticks === now);
  }

  #inTime(signal: AbortSignal): void {
    if (!signal.aborted) return;
    const reason: unknown = signal.reason;
    throw sourceFailed(
      this.#source,
      'the state of all containers',
      `part of it until the reading was given up (${(reason as Error).message})`,
      'check whether the host is overloaded',
      reason,
    );
  }

  #unreadable(cause: unknown): Error {
    return sourceFailed(
      this.#source,
      'readable state of containers',
      whyMalformed(cause),
      'run the agent as root, and check that these are files of runc, crun, containerd or podman',
      cause,
    );
  }
}

/** The runtime's state stands, the caller's configuration adds; but who called says better what the container is. */
function merged(state: OciFacts, config: OciFacts): OciFacts {
  const told = Object.fromEntries(Object.entries(state).filter(([, value]) => value !== undefined));
  const { cgroupPaths = [] } = state;
  return {
    ...config,
    start_ticks: undefined,
    ...told,
    runtime: config.runtime ?? state.runtime,
    labels: { ...config.labels, ...state.labels },
    cgroupPaths: cgroupPaths.length > 0 ? cgroupPaths : config.cgroupPaths,
  };
}

function details({ start_ticks: _, ...facts }: OciFacts & { readonly id: string }): ContainerDetails {
  // People name a container in `runc run <name>`; callers with names of their own use 64 hex digits.
  const named = /^[0-9a-f]{64}$/.test(facts.id) ? undefined : facts.id;
  return known({ ...facts, name: facts.name ?? named });
}

async function pidIn(path: string): Promise<number | undefined> {
  const { text = '' } = await readSmallFile(path, undefined).catch(() => ({ text: '' }));
  return /^\d{1,10}$/.test(text.trim()) ? Number(text) : undefined;
}
