/** Reading the configuration again while the agent runs: one at a time, all or nothing, and on record. */
import type { Catalog } from '../catalog/catalog.ts';
import type { EffectiveConfig } from '../config/effective.ts';
import { HuatuoError } from '../error.ts';
import type { Log } from '../sdk/context.ts';

export interface CheckedConfig {
  readonly config: EffectiveConfig;
  readonly catalog: Catalog;
}

/** What the metrics say about reloads. The start counts as the first. */
export interface ReloadRecord {
  readonly successful: boolean;
  /** Seconds since the epoch. */
  readonly success_seconds: number;
}

export class Reloader {
  readonly #read: () => Promise<CheckedConfig>;
  readonly #apply: (checked: CheckedConfig) => Promise<string[]>;
  readonly #log: Log;
  #record: ReloadRecord = { successful: true, success_seconds: Date.now() / 1000 };
  #turn: Promise<unknown> = Promise.resolve();

  /**
   * @param read reads and checks the configuration as the command line names it
   * @param apply puts it in force; what it throws leaves the old one in force
   */
  constructor(
    read: () => Promise<CheckedConfig>,
    apply: (checked: CheckedConfig) => Promise<string[]>,
    log: Log,
  ) {
    this.#read = read;
    this.#apply = apply;
    this.#log = log;
  }

  get record(): ReloadRecord {
    return this.#record;
  }

  /**
   * @param read what to put in force, when it is not what the command line names
   * @returns one line that says what changed
   * @throws why the old configuration stays in force
   */
  reload(read: () => Promise<CheckedConfig> = this.#read): Promise<string> {
    const mine = this.#turn.then(() => this.#reload(read));
    this.#turn = mine.catch(() => undefined);
    return mine;
  }

  async #reload(read: () => Promise<CheckedConfig>): Promise<string> {
    try {
      const touched = await this.#apply(await read());
      this.#record = { successful: true, success_seconds: Date.now() / 1000 };
      const line = `configuration reloaded: ${touched.length > 0 ? touched.join(' ') : 'nothing changed'}`;
      this.#log.info(line);
      return line;
    } catch (thrown) {
      const error = HuatuoError.from(thrown, 'CONFIG_INVALID', 'correct the configuration and reload again');
      this.#record = { ...this.#record, successful: false };
      this.#log.error('reload refused; the old configuration stays in force', { error });
      throw error;
    }
  }
}
