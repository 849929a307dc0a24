/**
 * A network namespace with a cable in it, `near` ═══ `far` (192.0.2.2, 2001:db8::2): frames that are sent on the one arrive at
 * the other as if from another host. It is gone when its process is.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { statSync } from 'node:fs';
import type { DropwatchEvent } from '../../src/generated/dropwatch.ts';
import type { CollectorHarness } from './collector-harness.ts';
import { eventually } from './eventually.ts';
import type { JournalDocument } from './journal-reader.ts';
import { samplesOf } from './prometheus-text.ts';

export type PacketRequest =
  | { readonly verb: 'run'; readonly command: readonly string[] }
  | { readonly verb: 'send'; readonly frame: string; readonly times: number }
  /** A TCP server. */
  | { readonly verb: 'serve'; readonly port: number }
  /** A UDP socket that is never read. */
  | { readonly verb: 'listen'; readonly port: number; readonly rcvbuf: number };
export type PacketAnswer = { readonly value: number } | { readonly error: string };

export type Drop = JournalDocument & { readonly data: DropwatchEvent };

const SETUP = [
  'ip link set lo up',
  'ip link add near address 02:00:00:00:00:01 type veth peer name far address 02:00:00:00:00:02',
  // The kernel's own questions of IPv6 would be drops, too.
  'ip link set near addrgenmode none',
  'ip link set far addrgenmode none',
  'ip link set near up',
  'ip link set far up',
  'ip address add 192.0.2.2/24 dev far',
  'ip -6 address add 2001:db8::2/64 dev far nodad',
  // The other end is in the same namespace: what far answers stays unanswered, and makes no noise.
  'ip neigh add 192.0.2.1 lladdr 02:00:00:00:00:01 dev far',
];

export class PacketStage implements AsyncDisposable {
  readonly #child: ChildProcess;
  readonly #ended: Promise<unknown>;
  #pending: Drop[] = [];

  private constructor() {
    const child = new URL('packet-child.js', import.meta.url).pathname;
    this.#child = spawn('unshare', ['--net', process.execPath, child], {
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    });
    this.#ended = once(this.#child, 'exit');
  }

  static async open(): Promise<PacketStage> {
    const stage = new PacketStage();
    try {
      await stage.ask();
      for (const line of SETUP) await stage.run(...line.split(' '));
      return stage;
    } catch (error) {
      await stage[Symbol.asyncDispose]();
      throw error;
    }
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  get netns(): number {
    return statSync(`/proc/${this.pid}/ns/net`).ino;
  }

  async ask(request?: PacketRequest): Promise<number> {
    const message = once(this.#child, 'message');
    if (request) this.#child.send(request);
    const [answer] = (await Promise.race([message, this.#ended])) as [PacketAnswer];
    if (typeof answer !== 'object' || answer === null || 'error' in answer)
      throw new Error(`${JSON.stringify(request)}: ${JSON.stringify(answer)}`);
    return answer.value;
  }

  async run(...command: readonly string[]): Promise<void> {
    await this.ask({ verb: 'run', command });
  }

  async send(frame: Uint8Array, times = 1): Promise<void> {
    await this.ask({ verb: 'send', frame: Buffer.from(frame).toString('hex'), times });
  }

  /** Those documents of this namespace with that reason that were not handed out before, once there are that many. */
  async drops(collector: CollectorHarness, reason: string, count: number): Promise<Drop[]> {
    return eventually(
      `${count} drops for ${reason}`,
      async () => {
        const read = (await collector.documents()) as Drop[];
        this.#pending.push(...read.filter(({ data }) => data.net_namespace_inum === this.netns));
        const found = this.#pending.filter(({ data }) => data.drop_reason === reason);
        if (found.length < count) return undefined;
        this.#pending = this.#pending.filter(({ data }) => data.drop_reason !== reason);
        return found;
      },
      {
        timeout_ms: 10_000,
        last: () => this.#pending.map(({ data }) => `${data.drop_reason} ${data.layers?.label}`).join('\n'),
      },
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#child.connected) this.#child.disconnect();
    await this.#ended;
  }
}

/** Drops for a reason, of the whole host. */
export async function countedDrops(collector: CollectorHarness, reason: string): Promise<number> {
  const [sample] = samplesOf(await collector.scrape(), 'huatuo_dropwatch_drops_total', { reason });
  return Number(sample?.value ?? 0);
}
