/** The rolling profile of the agent: one for all tracers that have `pre_capture`, there while one of them is. */
import type { KernelPaths } from '../kernel/features.ts';
import { RollingProfile } from '../kernel/rolling-profile.ts';
import type { ProfileSubject, RolledProfile } from '../profile/protocol.ts';
import type { Log } from '../sdk/context.ts';

/** One tracer's part in it. */
export interface PrecaptureUse {
  /** @returns what ran before now; undefined when that is not known, and why is in the log */
  rolled(subject: ProfileSubject): Promise<RolledProfile | undefined>;
  /** Gives it up. */
  end(): Promise<void>;
}

export class Precapture {
  readonly #paths: KernelPaths;
  readonly #log: Log;
  #users = 0;
  #profile: Promise<RollingProfile | undefined> | undefined;

  constructor(paths: KernelPaths, log: Log) {
    this.#paths = paths;
    this.#log = log;
  }

  /** Samples of the host since it runs; undefined while it does not. */
  async counts(): Promise<{ readonly samples: number; readonly lost: number } | undefined> {
    // It may be freed at any moment.
    return (await this.#profile)?.counts().catch(() => undefined);
  }

  use(): PrecaptureUse {
    this.#users += 1;
    this.#profile ??= this.#start();
    let isUsed = true;
    return {
      rolled: (subject) => this.#rolled(subject),
      end: async () => {
        if (!isUsed) return;
        isUsed = false;
        this.#users -= 1;
        if (this.#users === 0) await this.#end();
      },
    };
  }

  async #start(): Promise<RollingProfile | undefined> {
    try {
      return await RollingProfile.start(this.#paths, (error) => this.#failed(error));
    } catch (error) {
      this.#failed(error);
      return undefined;
    }
  }

  /** The next one to ask tries again. */
  #failed(error: unknown): void {
    this.#log.warn('pre_capture: what runs before a trigger is not seen', { error });
    void this.#end();
  }

  async #rolled(subject: ProfileSubject): Promise<RolledProfile | undefined> {
    try {
      this.#profile ??= this.#start();
      return await (await this.#profile)?.rolled(subject);
    } catch (error) {
      this.#log.warn('pre_capture: what ran before a trigger could not be read', { error });
      return undefined;
    }
  }

  async #end(): Promise<void> {
    const profile = this.#profile;
    this.#profile = undefined;
    await (await profile)?.stop();
  }
}
