/**
 * docker, and podman's service that speaks its API, over their unix socket.
 *
 * GET /containers/json names the running containers; host name, init process and start time are in GET /containers/<id>/json
 * only. That is asked once for each container and again when its init process has changed: a restart keeps the id, and the
 * list says nothing of it that could be compared. The path has no version, so the engine answers in its newest one; all
 * fields we use are in every version since 1.24.
 */
import * as z from 'zod/mini';
import type { HuatuoError } from '../../error.ts';
import { checkedList } from './answers.ts';
import { eachBounded } from './bounded.ts';
import { known, kubernetesNames, livePid, processStart, utcTime } from './facts.ts';
import { isSocket } from './files.ts';
import { getJson, UnexpectedStatus } from './http-json.ts';
import type { ContainerDetails, DetailSource } from './source.ts';
import { ClosableSource } from './source.ts';

/** An engine takes a lock for each inspect; more at a time would only queue there. */
const INSPECTS_AT_A_TIME = 8;

interface EngineApiOptions {
  readonly name: 'docker' | 'podman';
  /** Path of the unix socket. */
  readonly socket: string;
  /** Mount point of the procfs in which the containers' processes are seen. */
  readonly procfs?: string;
}

const LISTED = z.object({
  Id: z.string().check(z.minLength(1)),
  Names: z.nullish(z.array(z.string())),
  Image: z.nullish(z.string()),
  Labels: z.nullish(z.record(z.string(), z.string())),
});

/** `Config.Env` and the like are dropped here. */
const INSPECTED = z.object({
  Config: z.object({ Hostname: z.nullish(z.string()) }),
  State: z.object({ Pid: z.nullish(z.int()), StartedAt: z.nullish(z.string()) }),
});

interface Inspected {
  readonly hostname: string | undefined;
  readonly initPid: number | undefined;
  readonly startTime: string | undefined;
  /** As `processStart` gave it for `initPid` then. */
  readonly start_ticks: number | undefined;
}

/** The running containers of docker or podman. It holds no connection between lists. */
export function engineApi(options: EngineApiOptions): DetailSource {
  return new EngineApi(options);
}

class EngineApi extends ClosableSource {
  readonly name: 'docker' | 'podman';
  readonly #procfs: string;
  readonly #source: string;
  readonly #inspected = new Map<string, Inspected>();

  constructor({ name, socket, procfs = '/proc' }: EngineApiOptions) {
    super(socket);
    this.name = name;
    this.#procfs = procfs;
    this.#source = `${name} at ${socket}`;
  }

  present(): boolean {
    return isSocket(this.place);
  }

  async list(signal: AbortSignal): Promise<readonly ContainerDetails[]> {
    const until = this.until(signal);
    const answer = await this.#get('/containers/json?all=0', 'the list of containers', until);
    const { entries, leftOut } = checkedList(this.#source, answer, LISTED);
    const running = new Set(entries.map(({ Id }) => Id));
    for (const id of this.#inspected.keys()) if (!running.has(id)) this.#inspected.delete(id);

    let malformed = 0;
    const found = await eachBounded(entries, INSPECTS_AT_A_TIME, async (entry) => {
      const inspected = await this.#inspect(entry.Id, until);
      if (inspected === 'gone') return [];
      if (inspected === 'malformed') malformed++;
      return [this.#details(entry, inspected === 'malformed' ? undefined : inspected)];
    });
    this.leftOut = { ...leftOut, malformed: leftOut.malformed + malformed };
    return found.flat();
  }

  #details(entry: z.infer<typeof LISTED>, inspected: Inspected | undefined): ContainerDetails {
    const labels = entry.Labels ?? {};
    const { name, ...pod } = kubernetesNames(labels);
    return known({
      id: entry.Id,
      runtime: this.name,
      name: name ?? ownName(entry.Names ?? []),
      image: entry.Image ?? undefined,
      labels,
      hostname: inspected?.hostname,
      initPid: inspected?.initPid,
      startTime: inspected?.startTime,
      ...pod,
    });
  }

  /** `malformed`: the engine cannot describe this one container; what the list says of it stands. */
  async #inspect(id: string, signal: AbortSignal): Promise<Inspected | 'gone' | 'malformed'> {
    const former = this.#inspected.get(id);
    if (former && former.start_ticks === this.#start(former.initPid)) return former;
    try {
      const answer = await this.#get(`/containers/${encodeURIComponent(id)}/json`, 'a container', signal);
      const { success, data } = INSPECTED.safeParse(answer);
      if (!success) return 'malformed';
      const initPid = livePid(data.State.Pid);
      const inspected: Inspected = {
        hostname: data.Config.Hostname ?? undefined,
        initPid,
        startTime: utcTime(data.State.StartedAt),
        start_ticks: this.#start(initPid),
      };
      this.#inspected.set(id, inspected);
      return inspected;
    } catch (error) {
      const { cause } = error as HuatuoError;
      if (cause instanceof UnexpectedStatus) return cause.status === 404 ? 'gone' : 'malformed';
      if (cause instanceof SyntaxError) return 'malformed';
      throw error;
    }
  }

  #start(pid: number | undefined): number | undefined {
    return pid === undefined ? undefined : processStart(this.#procfs, pid);
  }

  #get(path: string, what: string, signal: AbortSignal): Promise<unknown> {
    const options = { tls: false, socketPath: this.place, path };
    return getJson({ options, signal, source: this.#source, what });
  }
}

/** Its name is `/name`; `/other/alias` is what a linked container calls it. */
function ownName(names: readonly string[]): string | undefined {
  return (names.find((name) => name.lastIndexOf('/') === 0) ?? names[0])?.replace(/^\//, '');
}
