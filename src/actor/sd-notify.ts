/**
 * What systemd wants to know of a service with Type=notify, Type=notify-reload or WatchdogSec=: one datagram for each
 * change, to the socket named in the environment. Format: sd_notify(3).
 */
import { closeFd, sendUnixDatagram, unixDatagramSocket } from '../native/libc.ts';

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
