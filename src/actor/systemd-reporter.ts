/** Tells systemd how the agent is doing: READY once it is up, then its status, and the watchdog for as long as it gets on. */
import type { SystemdNotifier } from './sd-notify.ts';
import type { StatusDocument } from './status.ts';

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
    this.#notifier.ready();
    const interval_ms = Math.min(this.#notifier.watchdogInterval_ms ?? STATUS_MS, STATUS_MS);
    this.#timer = setInterval(() => this.#report(), interval_ms);
    this.#report();
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
export function getsOn({ actors }: StatusDocument): boolean {
  return actors.every(({ vitals }) => (vitals?.heartbeat_age_seconds ?? 0) < SILENT_SECONDS);
}

/** `degraded: 4 running, 1 failed (oom)`. */
export function summary({ agent, actors }: StatusDocument): string {
  const byState = Map.groupBy(actors, ({ state }) => state);
  const parts = [...byState].map(([state, those]) => {
    const names =
      state === 'running' || state === 'disabled' ? '' : ` (${those.map(({ name }) => name).join(' ')})`;
    return `${those.length} ${state}${names}`;
  });
  return `${agent.state}: ${parts.join(', ')}`;
}
