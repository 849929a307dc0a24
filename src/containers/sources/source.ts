/**
 * What a source (an engine's socket, a runtime's state directory, kubelet) knows of containers. Each source
 * is optional: it is asked off the event path, under a deadline, and a container is known without any of them.
 */
import type { ContainerQos, ContainerRuntime, ContainerType } from '../../sdk/container.ts';

/** One container as one source describes it; what the source does not know is left out. */
export interface ContainerDetails {
  /** Of the container; of the pod when this is `of` one: its uid as cgroup paths have it, or the hash of a static pod. */
  readonly id: string;
  /** What all containers of a pod share, sandbox included: how those are known of which nothing else is said. */
  readonly of?: 'pod';
  readonly runtime?: ContainerRuntime;
  readonly name?: string;
  readonly image?: string;
  readonly hostname?: string;
  readonly podName?: string;
  readonly hostNamespace?: string;
  /** All of them: the allow-list is applied later. */
  readonly labels?: Readonly<Record<string, string>>;
  readonly type?: ContainerType;
  readonly qos?: ContainerQos;
  readonly initPid?: number;
  /** RFC 3339, UTC. */
  readonly startTime?: string;
  /**
   * Where its cgroup may be, as absolute paths below the root of a hierarchy, most certain first: what links a container
   * whose path does not tell its id (`runc run web`, `ctr run … redis`). Never `/`; one that does not exist means nothing.
   * Two containers may share an id (containerd namespaces), but not a path.
   */
  readonly cgroupPaths?: readonly string[];
}

/** Containers that were in an answer and are not in the list that was made of it. */
export interface LeftOut {
  /** Fields missing or of the wrong type; a file that is no JSON; one the engine cannot describe. */
  readonly malformed: number;
  /** Beyond `MAX_DETAILS`. */
  readonly overLimit: number;
}

export interface DetailSource extends Disposable {
  /** `docker`, `podman`, `cri`, `oci` or `kubelet`: as in the configuration and in `/api/v1/status`. */
  readonly name: string;
  /** What is asked: a socket, a directory, a URL without credentials. For people. */
  readonly place: string;
  /** A cheap look whether the engine is there to be asked: an absent socket is no failure. */
  present(): boolean;
  /**
   * All its containers.
   * @param signal aborts when the caller's deadline has passed: the source must let go of sockets then, and reject
   * @throws CONTAINER_SOURCE_FAILED, with what was asked, what came and what to do
   */
  list(signal: AbortSignal): Promise<readonly ContainerDetails[]>;
  /** Of the newest list; undefined before the first. */
  readonly leftOut?: LeftOut | undefined;
}

/** More than a node can run; an answer with more is cut, and says so in the source's state. */
export const MAX_DETAILS = 10_000;

export abstract class ClosableSource implements DetailSource {
  abstract readonly name: string;
  readonly place: string;
  leftOut: LeftOut | undefined;
  readonly #closed = new AbortController();

  constructor(place: string) {
    this.place = place;
  }

  abstract present(): boolean;
  abstract list(signal: AbortSignal): Promise<readonly ContainerDetails[]>;

  /** Aborts with the caller's signal, and when the source is closed. */
  protected until(signal: AbortSignal): AbortSignal {
    return AbortSignal.any([signal, this.#closed.signal]);
  }

  /** Cuts lists under way; later ones are refused. */
  [Symbol.dispose](): void {
    this.#closed.abort(new Error('the source was closed'));
  }
}

/**
 * A source whose module is loaded when there is an engine to ask: HTTP, TLS, gRPC and the checks of their answers cost a thread
 * 5 to 15 MB, and most hosts have one engine or none.
 */

interface LazyParts {
  readonly name: string;
  readonly place: string;
  readonly present: () => boolean;
  readonly open: () => Promise<DetailSource>;
}

export class LazySource implements DetailSource {
  readonly name: string;
  readonly place: string;
  readonly #present: () => boolean;
  readonly #open: () => Promise<DetailSource>;
  #source: DetailSource | undefined;
  #disposed = false;

  constructor({ name, place, present, open }: LazyParts) {
    this.name = name;
    this.place = place;
    this.#present = present;
    this.#open = open;
  }

  get leftOut(): LeftOut | undefined {
    return this.#source?.leftOut;
  }

  present(): boolean {
    return this.#present();
  }

  async list(signal: AbortSignal): Promise<readonly ContainerDetails[]> {
    this.#source ??= await this.#open();
    if (this.#disposed) this.#source[Symbol.dispose]();
    return this.#source.list(signal);
  }

  [Symbol.dispose](): void {
    this.#disposed = true;
    this.#source?.[Symbol.dispose]();
  }
}
