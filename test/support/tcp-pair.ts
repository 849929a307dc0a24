/**
 * Two processes, each in a network namespace of its own, and a cable between them that loses what it is told to.
 *
 *   client ── near ════════ far ── server          nothing else is reachable, and nothing else is touched
 *                            ▲ tc, ingress: what arrives here may be dropped; `near` has the other direction
 *
 * The namespaces have no names: they, the devices and the filters are gone when the processes are, which the end of the
 * channel to this process makes sure of.
 */
import { type ChildProcess, execFile, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { compileFlags, compileObject, requireClang } from '../../src/build/clang.ts';
import { at } from '../../src/paths.ts';
import { skipWithoutRoot } from './kernel.ts';

const run = promisify(execFile);

export type TcpPeerRequest =
  /** A sysctl below net.ipv4, which IPv6 listens to as well. */
  | { readonly verb: 'set'; readonly name: string; readonly value: string }
  | { readonly verb: 'listen'; readonly host: string; readonly port: number }
  | { readonly verb: 'connect'; readonly host: string; readonly port: number }
  | { readonly verb: 'write'; readonly segments: number; readonly bytes: number }
  | { readonly verb: 'received' };
export type TcpPeerAnswer = { readonly value: number } | { readonly error: string };

/** Segments to lose: see test/fixtures/tc/drop.c. */
export interface Loss {
  readonly match: string;
  readonly first: number;
  readonly last: number;
}

const DEVICES = { client: 'near', server: 'far' } as const;
const MAC_ADDRESSES = { client: '02:00:00:00:00:01', server: '02:00:00:00:00:02' } as const;
/** Of the ranges for documentation, RFC 5737 and 3849. */
const ADDRESSES = {
  client: { 4: '192.0.2.1', 6: '2001:db8::1' },
  server: { 4: '192.0.2.2', 6: '2001:db8::2' },
} as const;
export type Side = keyof typeof DEVICES;
export type Family = 4 | 6;

/** Tries what the pair is made of: iproute2, and a kernel with veth, classifiers at the ingress, and BPF in them. */
export function skipWithoutTcpPair(): string | false {
  const lacking = skipWithoutRoot();
  if (lacking) return lacking;
  const device = 'ip link add near type veth peer name far && tc qdisc add dev near clsact';
  const program = 'tc filter add dev near ingress bpf bytecode "1,6 0 0 0"';
  const { status, error, stderr } = spawnSync('unshare', ['--net', 'sh', '-c', `${device} && ${program}`]);
  if (status === 0) return false;
  return `this host cannot lose packets on purpose: ${error?.message ?? stderr.toString().trim()}`;
}

class TcpPeer {
  readonly side: Side;
  readonly #child: ChildProcess;
  readonly #ended: Promise<unknown>;

  constructor(side: Side) {
    this.side = side;
    const child = new URL('tcp-peer-child.js', import.meta.url).pathname;
    this.#child = spawn('unshare', ['--net', process.execPath, child], {
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    });
    this.#ended = once(this.#child, 'exit');
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  /** Of its network namespace, as documents have it. */
  get netns(): number {
    return statSync(`/proc/${this.pid}/ns/net`).ino;
  }

  address(family: Family): string {
    return ADDRESSES[this.side][family];
  }

  /** @param request nothing: waits for the child's first word, by which it is in its namespace */
  async ask(request?: TcpPeerRequest): Promise<number> {
    const message = once(this.#child, 'message');
    if (request) this.#child.send(request);
    const [answer] = (await Promise.race([message, this.#ended])) as [TcpPeerAnswer];
    if (typeof answer !== 'object' || answer === null || 'error' in answer)
      throw new Error(`${this.side}, ${JSON.stringify(request)}: ${JSON.stringify(answer)}`);
    return answer.value;
  }

  /** Runs a command in its network namespace. */
  async run(...command: readonly string[]): Promise<void> {
    await run('nsenter', ['--target', String(this.pid), '--net', ...command]);
  }

  /** Starts a command in its network namespace. */
  spawn(...command: readonly string[]): ChildProcess {
    const inside = ['--target', String(this.pid), '--net', ...command];
    return spawn('nsenter', inside, { stdio: ['ignore', 'pipe', 'inherit'] });
  }

  /** Its device. */
  get device(): string {
    return DEVICES[this.side];
  }

  /** Loses what arrives here; replaces what was lost before. */
  async lose({ match, first, last }: Loss): Promise<void> {
    const rule = [`-DMATCH=(${match})`, `-DFIRST=${first}`, `-DLAST=${last}`];
    const flags = [...compileFlags(at('bpf/include')), ...rule];
    const { object } = await compileObject(await requireClang(), flags, at('test/fixtures/tc/drop.c'));
    const directory = mkdtempSync(join(tmpdir(), 'huatuo-drop-'));
    try {
      const file = join(directory, 'drop.o');
      writeFileSync(file, object);
      await this.loseNothing();
      const filter = `filter add dev ${DEVICES[this.side]} ingress bpf direct-action object-file ${file} section tc`;
      await this.run('tc', ...filter.split(' '));
    } finally {
      rmSync(directory, { recursive: true });
    }
  }

  async loseNothing(): Promise<void> {
    await this.run('tc', 'filter', 'del', 'dev', DEVICES[this.side], 'ingress');
  }

  /** A counter of its namespace since that was made, from /proc/net/snmp or netstat: `TcpRetransSegs`, `TcpExtTCPTimeouts`. */
  counter(name: string): number {
    for (const file of ['snmp', 'netstat']) {
      const lines = readFileSync(`/proc/${this.pid}/net/${file}`, 'utf8').split('\n');
      for (let index = 0; index + 1 < lines.length; index += 2) {
        const [prefix = '', ...names] = (lines[index] ?? '').split(' ');
        const place = names.indexOf(name.slice(prefix.length - 1));
        if (place >= 0 && name.startsWith(prefix.slice(0, -1)))
          return Number(lines[index + 1]?.split(' ')[place + 1]);
      }
    }
    throw new Error(`no counter ${name}`);
  }

  signal(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  async end(): Promise<void> {
    this.signal('SIGKILL');
    await this.#ended;
  }
}

export class TcpPair implements AsyncDisposable {
  readonly client: TcpPeer = new TcpPeer('client');
  readonly server: TcpPeer = new TcpPeer('server');

  private constructor() {}

  static async open(): Promise<TcpPair> {
    const pair = new TcpPair();
    try {
      await pair.#connect();
      return pair;
    } catch (error) {
      await pair[Symbol.asyncDispose]();
      throw error;
    }
  }

  async #connect(): Promise<void> {
    const { client, server } = this;
    await Promise.all([client.ask(), server.ask()]);
    const far = `name ${DEVICES.server} address ${MAC_ADDRESSES.server} netns ${server.pid}`;
    const link = `link add ${DEVICES.client} address ${MAC_ADDRESSES.client} type veth peer ${far}`;
    await client.run('ip', ...link.split(' '));
    for (const [peer, other] of [
      [client, server],
      [server, client],
    ] as const) {
      const device = DEVICES[peer.side];
      await peer.run('ip', 'address', 'add', `${peer.address(4)}/24`, 'dev', device);
      // Without nodad the address cannot be used for a second.
      await peer.run('ip', 'address', 'add', `${peer.address(6)}/64`, 'dev', device, 'nodad');
      await peer.run('ip', 'link', 'set', device, 'up');
      // Looking for the neighbour can take longer than the first timer of a SYN.
      for (const family of [4, 6] as const) {
        const neighbour = `${other.address(family)} lladdr ${MAC_ADDRESSES[other.side]} dev ${device}`;
        await peer.run('ip', 'neighbour', 'replace', ...neighbour.split(' '), 'nud', 'permanent');
      }
      await peer.run('tc', 'qdisc', 'add', 'dev', device, 'clsact');
      // Some pace their segments, which makes two of them one.
      await peer.ask({ verb: 'set', name: 'tcp_congestion_control', value: 'reno' });
    }
  }

  /** Ends both, and with them all that was made. */
  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([this.client.end(), this.server.end()]);
  }
}
