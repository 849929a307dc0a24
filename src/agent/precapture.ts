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

type Profile = Pick<RollingProfile, 'counts' | 'rolled' | 'stop'>;
type LoadProfile = (paths: KernelPaths, failed: (error: unknown) => void) => Promise<Profile>;

export class Precapture {
  readonly #paths: KernelPaths;
  readonly #log: Log;
  readonly #load: LoadProfile;
  #users = 0;
  #profile: Promise<Profile | undefined> | undefined;
  /** The same once it runs. */
  #running: Profile | undefined;

  /** @param load for tests */
  constructor(paths: KernelPaths, log: Log, load: LoadProfile = RollingProfile.start) {
    this.#paths = paths;
    this.#log = log;
    this.#load = load;
  }

  /** Samples of the host since it runs; undefined while it does not. A page does not wait for its start. */
  async counts(): Promise<{ readonly samples: number; readonly lost: number } | undefined> {
    // It may be freed at any moment.
    return this.#running?.counts().catch(() => undefined);
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

  #start(): Promise<Profile | undefined> {
    const profile: Promise<Profile | undefined> = this.#load(this.#paths, (error) =>
      this.#failed(profile, error),
    ).then(
      (running) => {
        if (this.#profile === profile) this.#running = running;
        return running;
      },
      (error: unknown) => {
        this.#failed(profile, error);
        return undefined;
      },
    );
    return profile;
  }

  /** The next one to ask tries again. One that was given up already has no part in the one that runs now. */
  #failed(profile: Promise<Profile | undefined>, error: unknown): void {
    this.#log.warn('pre_capture: what runs before a trigger is not seen', { error });
    if (this.#profile === profile) void this.#end();
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
    this.#running = undefined;
    try {
      await (await profile)?.stop();
    } catch (error) {
      this.#log.warn('pre_capture: its profile could not be freed', { error });
    }
  }
}
