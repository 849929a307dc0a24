/**
 * Reading the configuration again while the agent runs: one at a time, all or nothing, and on record.
 *
 *   asked while one runs or rests ──► the next one, which answers all that have asked for it; begins when that time is over
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Catalog } from '../catalog/catalog.ts';
import type { EffectiveConfig } from '../config/effective.ts';
import { HuatuoError } from '../error.ts';
import type { Log } from '../sdk/context.ts';

export interface CheckedConfig {
  readonly config: EffectiveConfig;
  readonly catalog: Catalog;
  /** One sentence each: what others could do to it, what of it this host lacks. */
  readonly warnings: readonly string[];
}

/** What the metrics say about reloads of what the command line names. The start counts as the first. */
export interface ReloadRecord {
  readonly successful: boolean;
  /** Seconds since the epoch. */
  readonly success_seconds: number;
}

/** What a reload has come to. */
export interface Reloaded {
  /** Names of the actors and of the collectors on the pool that were replaced, started or stopped. */
  readonly touched: readonly string[];
  /** Of these, collectors that cannot run since, and why. */
  readonly unsupported: readonly { readonly name: string; readonly reason: string }[];
}

/** Between two: each reads every collector's files again, and replaced threads have to give their memory back. */
const REST_MS = 1_000;

interface ReloaderOptions {
  /** Reads and checks the configuration as the command line names it. */
  read(): Promise<CheckedConfig>;
  /** Puts it in force; what it throws leaves the old one in force. */
  apply(checked: CheckedConfig): Promise<Reloaded>;
  /** Called after each, whatever became of it. */
  done(): void;
  readonly log: Log;
  readonly rest_ms?: number;
}

type Read = ReloaderOptions['read'];

export class Reloader {
  readonly #options: ReloaderOptions;
  readonly #rest_ms: number;
  /** Those that have not begun, by what they will read. */
  readonly #waiting = new Map<Read, Promise<string>>();
  #record: ReloadRecord = { successful: true, success_seconds: Date.now() / 1000 };
  /** Ends with the rest after the newest one. */
  #turn: Promise<unknown> = Promise.resolve();

  constructor(options: ReloaderOptions) {
    this.#options = options;
    this.#rest_ms = options.rest_ms ?? REST_MS;
  }

  get record(): ReloadRecord {
    return this.#record;
  }

  /**
   * Reloads, or joins a reload that has not begun.
   * @param read what to put in force, when it is not what the command line names
   * @returns one line that says what changed
   * @throws why the old configuration stays in force
   */
  reload(read: Read = this.#options.read): Promise<string> {
    const joined = this.#waiting.get(read);
    if (joined) return joined;
    const mine = this.#turn.then(() => {
      this.#waiting.delete(read);
      return this.#reload(read);
    });
    this.#waiting.set(read, mine);
    const rest = (): Promise<void> => sleep(this.#rest_ms, undefined, { ref: false });
    this.#turn = mine.then(rest, rest);
    return mine;
  }

  async #reload(read: Read): Promise<string> {
    const { apply, log, done } = this.#options;
    try {
      const line = lineOf(await apply(await read()));
      this.#recordOf(read, { successful: true, success_seconds: Date.now() / 1000 });
      log.info(line);
      return line;
    } catch (thrown) {
      const error = HuatuoError.from(thrown, 'CONFIG_INVALID', 'correct the configuration and reload again');
      this.#recordOf(read, { successful: false });
      log.error('reload refused; the old configuration stays in force', { error });
      throw error;
    } finally {
      done();
    }
  }

  /** What is not what the command line names says nothing of the files: they may still be wrong. */
  #recordOf(read: Read, outcome: Partial<ReloadRecord>): void {
    if (read === this.#options.read) this.#record = { ...this.#record, ...outcome };
  }
}

function lineOf({ touched, unsupported }: Reloaded): string {
  const changed = touched.length > 0 ? touched.join(' ') : 'nothing changed';
  const lost = unsupported.map(({ name, reason }) => `; ${name} is unsupported: ${reason}`);
  return `configuration reloaded: ${changed}${lost.join('')}`;
}
