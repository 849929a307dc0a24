/** Tells systemd how the agent is doing: READY once it is up, then its status, and the watchdog for as long as it gets on. */

import { closeFd, sendUnixDatagram, unixDatagramSocket } from '../kernel/libc.ts';
import type { StatusDocument } from '../web/status.ts';

const STATUS_MS = 5000;
/** An actor that is hung is replaced within its heartbeat timeout; one that is silent for longer could not be. */
const SILENT_SECONDS = 20;

export class SystemdReporter implements Disposable {
  readonly #notifier: SystemdNotifier;
  readonly #agent: { status(): StatusDocument };
  #timer: NodeJS.Timeout | undefined;
  #lastStatus = '';

  constructor(notifier: SystemdNotifier, agent: { status(): StatusDocument }) {
    this.#notifier = notifier;
    this.#agent = agent;
  }

  /** Call when the agent is up: from now on it is expected to get on. */
  started(): void {
    // A status is read from the kernel, collector by collector.
    if (!this.#notifier.isHeard) return;
    this.#notifier.ready();
    const interval_ms = Math.min(this.#notifier.watchdogInterval_ms ?? STATUS_MS, STATUS_MS);
    this.#timer = setInterval(() => this.#report(), interval_ms);
    this.#report();
  }

  /** Of a reload that has begun: `Type=notify-reload` waits for its end, other types show it. */
  reloading(): void {
    this.#notifier.reloading(process.hrtime.bigint() / 1000n);
  }

  /** Also one that was refused: the agent goes on as before. */
  reloaded(): void {
    this.#notifier.ready();
  }

  stopping(): void {
    clearInterval(this.#timer);
    this.#notifier.stopping();
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
    this.#notifier[Symbol.dispose]();
  }

  #report(): void {
    const status = this.#agent.status();
    if (getsOn(status)) this.#notifier.watchdog();
    const line = summary(status);
    if (line !== this.#lastStatus) this.#notifier.status(line);
    this.#lastStatus = line;
  }
}

/** Whether every thread gives signs of life: the watchdog is fed by the actors, not by a timer. */
function getsOn({ actors }: StatusDocument): boolean {
  return actors.every(({ vitals }) => (vitals?.heartbeat_age_seconds ?? 0) < SILENT_SECONDS);
}

/** `degraded: 4 running, 1 failed (oom)`. */
function summary({ agent, actors }: StatusDocument): string {
  const byState = Map.groupBy(actors, ({ state }) => state);
  const parts = [...byState].map(([state, those]) => {
    const names =
      state === 'running' || state === 'disabled' ? '' : ` (${those.map(({ name }) => name).join(' ')})`;
    return `${those.length} ${state}${names}`;
  });
  return `${agent.state}: ${parts.join(', ')}`;
}

/** Length of sun_path, without the NUL at its end. */
const MAX_PATH_BYTES = 107;
const MAX_STATUS_CHARACTERS = 512;

export class SystemdNotifier implements Disposable {
  /** How often to call `watchdog()`: half of WatchdogSec=; undefined when systemd does not wait for it. */
  readonly watchdogInterval_ms: number | undefined;
  readonly #path: string | undefined;
  #fd = -1;

  /**
   * Without NOTIFY_SOCKET, as outside of systemd, every method does nothing.
   * @param pid whose watchdog it is: WATCHDOG_PID may name another process
   */
  constructor(environment: NodeJS.ProcessEnv = process.env, pid: number = process.pid) {
    const path = environment.NOTIFY_SOCKET ?? '';
    const usable = /^[/@]./.test(path) && Buffer.byteLength(path) <= MAX_PATH_BYTES;
    this.#path = usable ? path : undefined;
    this.watchdogInterval_ms = usable ? watchdogInterval(environment, pid) : undefined;
  }

  /** Whether there is a systemd to tell. */
  get isHeard(): boolean {
    return this.#path !== undefined;
  }

  /** The agent collects; also ends a reload. */
  ready(): boolean {
    return this.#send('READY=1');
  }

  /** One line for `systemctl status`; what could end the line or steer a terminal is left out. */
  status(text: string): boolean {
    return this.#send(`STATUS=${oneLine(text)}`);
  }

  watchdog(): boolean {
    return this.#send('WATCHDOG=1');
  }

  stopping(): boolean {
    return this.#send('STOPPING=1');
  }

  /** @param monotonic_us CLOCK_MONOTONIC in microseconds, taken when the reload was asked for */
  reloading(monotonic_us: bigint): boolean {
    return this.#send(`RELOADING=1\nMONOTONIC_USEC=${monotonic_us}`);
  }

  [Symbol.dispose](): void {
    if (this.#fd >= 0) closeFd(this.#fd);
    this.#fd = -1;
  }

  /**
   * Never blocks and never throws: systemd draws its own conclusions from what it does not hear.
   * @returns whether the datagram was taken
   */
  #send(message: string): boolean {
    if (this.#path === undefined) return false;
    if (this.#fd < 0) this.#fd = unixDatagramSocket();
    return this.#fd >= 0 && sendUnixDatagram(this.#fd, this.#path, Buffer.from(message)) === 0;
  }
}

function watchdogInterval(environment: NodeJS.ProcessEnv, pid: number): number | undefined {
  const timeout_us = Number(environment.WATCHDOG_USEC);
  const forUs = (environment.WATCHDOG_PID ?? String(pid)) === String(pid);
  return forUs && timeout_us > 0 && Number.isFinite(timeout_us) ? timeout_us / 2000 : undefined;
}

function oneLine(text: string): string {
  return [...text.toWellFormed().replaceAll(/\p{Cc}+|[\u2028\u2029]+/gu, ' ')]
    .slice(0, MAX_STATUS_CHARACTERS)
    .join('')
    .trim();
}
