/** An emulated machine: boots a kernel with the image, runs commands by ssh. What it writes to its disks is thrown away. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { openSync, readFileSync } from 'node:fs';
import { type AddressInfo, createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePort } from '../support/free-port.ts';
import type { BootFiles } from './boot-files.ts';
import type { Image } from './image.ts';

const BOOT_MS = 600_000;
const COMMAND_LINE = [
  'console=ttyS0 net.ifnames=0 quiet mitigations=off',
  // With the clock it would choose, each reading leaves the guest.
  'tsc=reliable clocksource=tsc',
].join(' ');
/** Others work on this machine, too. */
const NICE = '2';

export class Machine implements AsyncDisposable {
  readonly #qemu: ChildProcess;
  readonly #port: number;
  readonly #key: string;
  readonly #console: string;

  private constructor(qemu: ChildProcess, port: number, key: string, consoleLog: string) {
    this.#qemu = qemu;
    this.#port = port;
    this.#key = key;
    this.#console = consoleLog;
  }

  /**
   * @param commandLine what the kernel is told beside what every guest is
   * @throws when it does not answer in time; the end of its console is in the message
   */
  static async boot(files: BootFiles, image: Image, cache: string, commandLine: string): Promise<Machine> {
    const port = await freePort();
    const hole = await Hole.listen();
    const consoleLog = join(cache, 'console.log');
    const disk = (file: string): string => `file=${file},format=raw,if=virtio,snapshot=on,cache=unsafe`;
    const qemu = spawn(
      'nice',
      [
        ...['-n', NICE, 'qemu-system-x86_64'],
        ...['-machine', 'q35,hpet=off', '-accel', 'tcg,thread=multi,tb-size=1024', '-cpu', 'max'],
        ...['-kernel', files.kernel, '-initrd', files.initrd, '-append', `${COMMAND_LINE} ${commandLine}`],
        ...['-smp', '2', '-m', '2048'],
        // Two NUMA nodes.
        ...['-object', 'memory-backend-ram,id=m0,size=1024M', '-numa', 'node,nodeid=0,cpus=0,memdev=m0'],
        ...['-object', 'memory-backend-ram,id=m1,size=1024M', '-numa', 'node,nodeid=1,cpus=1,memdev=m1'],
        ...['-drive', disk(image.root), '-drive', disk(image.scratch)],
        ...['-netdev', `user,id=n0,hostfwd=tcp:127.0.0.1:${port}-:22`],
        ...['-device', 'virtio-net-pci,netdev=n0,romfile=', '-device', 'virtio-rng-pci'],
        // It takes what the guest sends until buffers are full, and then nothing: a card that hangs.
        ...['-netdev', `socket,id=n1,connect=127.0.0.1:${hole.port}`],
        ...['-device', 'virtio-net-pci,netdev=n1,romfile='],
        // It can report errors of PCI Express.
        ...['-device', 'pcie-root-port,id=port0,chassis=1,slot=1'],
        ...['-display', 'none', '-serial', `file:${consoleLog}`, '-monitor', 'none', '-no-reboot'],
      ],
      { stdio: ['ignore', 'ignore', openSync(join(cache, 'qemu.log'), 'w')] },
    );
    process.once('exit', () => qemu.kill('SIGKILL'));
    qemu.once('exit', () => hole.close());
    const machine = new Machine(qemu, port, image.key, consoleLog);
    try {
      await machine.#answers();
      return machine;
    } catch (error) {
      await machine[Symbol.asyncDispose]();
      throw error;
    }
  }

  /**
   * @param told gets each line of stdout
   * @param said gets each line of stderr
   */
  async run(
    command: string,
    deadline_ms: number,
    told: (line: string) => void = () => undefined,
    said: (line: string) => void = () => undefined,
  ): Promise<void> {
    const options = [`IdentityFile=${this.#key}`, 'StrictHostKeyChecking=no', 'UserKnownHostsFile=/dev/null'];
    // A guest that is busy answers late.
    const alive = ['ServerAliveInterval=30', 'ServerAliveCountMax=40'];
    const all = [...options, 'LogLevel=ERROR', 'ConnectTimeout=20', ...alive];
    const ssh = spawn(
      'ssh',
      ['-p', `${this.#port}`, ...all.flatMap((option) => ['-o', option]), 'root@127.0.0.1', command],
      { stdio: ['ignore', 'pipe', 'pipe'], signal: AbortSignal.timeout(deadline_ms) },
    );
    createInterface(ssh.stdout).on('line', told);
    createInterface(ssh.stderr).on('line', said);
    const [code] = await once(ssh, 'close');
    if (code !== 0)
      throw new Error(`expected \`${command}\` to succeed in the guest, found exit code ${code}`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#qemu.exitCode !== null || this.#qemu.signalCode !== null) return;
    this.#qemu.kill('SIGKILL');
    await once(this.#qemu, 'exit');
  }

  async #answers(): Promise<void> {
    const end = Date.now() + BOOT_MS;
    while (Date.now() < end && this.#qemu.exitCode === null) {
      try {
        await this.run('true', 30_000);
        return;
      } catch {
        await sleep(1000);
      }
    }
    const words = readFileSync(this.#console, 'utf8').slice(-2000);
    throw new Error(`expected the guest to boot within ${BOOT_MS / 1000} s, found its console at:\n${words}`);
  }
}

/** A server that accepts one connection, and reads nothing. */
class Hole {
  readonly #server: Server;

  private constructor(server: Server) {
    this.#server = server;
  }

  static async listen(): Promise<Hole> {
    const server = createServer({ pauseOnConnect: true }, (socket) => {
      socket.on('error', () => undefined);
      server.once('close', () => socket.destroy());
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return new Hole(server);
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  close(): void {
    this.#server.close();
  }
}
