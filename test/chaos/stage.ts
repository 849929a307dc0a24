/** Where all lives of a run take place: one journal, one pin directory, one port, and the collector that can be made to fail. */
import { join } from 'node:path';
import { FailingCollector } from '../soak/collectors.ts';
import { TIRELESS } from '../soak/crashes.ts';
import { LoopDisk } from '../soak/loop-disk.ts';
import { PinPlace } from '../soak/pin-place.ts';
import { scratchDirectory } from '../soak/scratch.ts';
import { WorkerFuse } from '../soak/worker-fuse.ts';
import { AgentProcess } from '../support/agent.ts';
import { FLOOD_CONFIG } from '../support/flood.ts';
import { freePort } from '../support/free-port.ts';
import type { Books } from './books.ts';
import { Engine } from './engine.ts';
import { patiently, type Scene } from './scene.ts';
import type { Life } from './schedule.ts';

/** Small, so that a burst is more than it holds. */
const RING_BYTES = 1 << 20;
const DISK_BYTES = 1 << 30;
const DISK_BYTES_PER_MINUTE = 64 << 20;
/** Every n-th event is kept; a reload goes on to the next of these. */
const KEEP_EVERY = [1, 4] as const;
/** Small, so that a disk that takes no new file is noticed soon. */
const SEGMENT_SIZE = '1MiB';
/** More than the agent has with three collectors, less than one of them leaks. */
const MEMORY_LIMIT_BYTES = 384 << 20;
const GRACE_MS = 300_000;

export class Stage implements Disposable {
  readonly collector: FailingCollector;
  readonly disk: LoopDisk | undefined;
  /** Why there is no disk of its own. */
  readonly without_disk: string | undefined;
  readonly pins: PinPlace = new PinPlace();
  readonly #scratch = scratchDirectory();
  readonly #fuse = new WorkerFuse();
  readonly #engine: Engine;
  /** The same in all lives: a server that is replaced has to be found again. */
  readonly #port: number;
  readonly #length_ms: number;
  #keepEvery = 0;
  #lives = 0;

  private constructor(collector: FailingCollector, port: number, length_ms: number) {
    this.collector = collector;
    this.#port = port;
    this.#engine = new Engine(join(this.#scratch.path, 'engine.sock'));
    this.#length_ms = length_ms;
    const disk = LoopDisk.make(DISK_BYTES + Math.ceil(length_ms / 60_000) * DISK_BYTES_PER_MINUTE);
    [this.disk, this.without_disk] = typeof disk === 'string' ? [undefined, disk] : [disk, undefined];
  }

  static async set(length_ms: number): Promise<Stage> {
    const collector = await FailingCollector.build({ ring_bytes: RING_BYTES, choking: true });
    return new Stage(collector, await freePort(), length_ms);
  }

  get journal(): string {
    return join(this.#root, 'journal');
  }

  /** What faults take from the journal, in the layout of one; on its disk, so that a rename takes it. */
  get taken(): string {
    return join(this.#root, 'taken');
  }

  get #root(): string {
    return this.disk?.path ?? this.#scratch.path;
  }

  start(life: Life): Promise<AgentProcess> {
    const { path, env } = this.collector;
    this.#lives++;
    return AgentProcess.start({
      collectors: path,
      only: ['flood', 'runqlat', 'loadavg'],
      env: { ...env, ...this.#fuse.env },
      deadline_ms: this.#length_ms + GRACE_MS,
      config: this.#config(life),
    });
  }

  async scene(agent: AgentProcess, life: Life, books: Books): Promise<Scene> {
    const { collector, disk } = this;
    let ring = await patiently({ agent }, 'a ring', () => books.look(agent.pid));
    const configure = (): void => agent.configure(this.#config(life));
    return {
      agent,
      collector,
      disk,
      fuse: this.#fuse,
      engine: this.#engine,
      journal: this.journal,
      taken: this.taken,
      port: this.#port,
      memory_limit_bytes: MEMORY_LIMIT_BYTES,
      ring_bytes: RING_BYTES,
      ring: () => {
        const now = books.look(agent.pid);
        ring = now ?? ring;
        return now;
      },
      counts: () => books.counts(ring),
      changeConfig: () => {
        this.#keepEvery = (this.#keepEvery + 1) % KEEP_EVERY.length;
        configure();
      },
      spoilConfig: () => {
        agent.configure({ ...this.#config(life), collectors: { flood: { no_such_key: 1 } } });
        return { restore: configure };
      },
    };
  }

  #config({ pinned }: Life): Record<string, unknown> {
    return {
      web: { listen_address: `127.0.0.1:${this.#port}`, scrape_timeout: '500ms' },
      supervisor: { ...TIRELESS, heartbeat_timeout: '2s', memory_limit: `${MEMORY_LIMIT_BYTES}B` },
      containers: { docker: this.#engine.socket, refresh: '1s', timeout: '500ms' },
      ring: { wakeup_age: '20ms' },
      // Nothing is to go for its age: everything is counted in the end.
      journal: {
        directory: this.journal,
        segment_size: SEGMENT_SIZE,
        segments: 100_000,
        total_size: '16TiB',
        compression: this.#lives % 2 === 0 ? 'live' : 'sealed',
      },
      bpf: { pin: pinned, pin_directory: this.pins.directory },
      collectors: { flood: { ...FLOOD_CONFIG, keep_every_count: KEEP_EVERY[this.#keepEvery] } },
    };
  }

  [Symbol.dispose](): void {
    this.pins[Symbol.dispose]();
    this.#fuse[Symbol.dispose]();
    this.#engine[Symbol.dispose]();
    this.disk?.[Symbol.dispose]();
    this.#scratch[Symbol.dispose]();
    this.collector[Symbol.dispose]();
  }
}
