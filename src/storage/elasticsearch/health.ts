/** What the actor says about the server: one line in the log for each change, and the state for status and metrics. */
import { HuatuoError, type WireError } from '../../error.ts';
import type { Log } from '../../sdk/context.ts';

export type HealthState = 'connecting' | 'ok' | 'failing';

export class Health {
  readonly #log: Log;
  #state: HealthState = 'connecting';
  #error: HuatuoError | undefined;
  #since = new Date();

  constructor(log: Log) {
    this.#log = log;
  }

  get state(): HealthState {
    return this.#state;
  }

  get since(): string {
    return this.#since.toISOString();
  }

  get error(): Pick<WireError, 'code' | 'message' | 'remedy'> | undefined {
    if (this.#state !== 'failing' || !this.#error) return undefined;
    const { code, message, remedy } = this.#error;
    return { code, message, remedy };
  }

  worked(): void {
    if (this.#state === 'ok') return;
    if (this.#state === 'failing') this.#log.info('documents are shipped again');
    else this.#log.info('documents are shipped');
    this.#enter('ok');
  }

  failed(thrown: unknown): void {
    const error = HuatuoError.from(
      thrown,
      'ELASTICSEARCH_FAILED',
      'documents stay in the journal and are tried again',
    );
    if (this.#state !== 'failing' || this.#error?.message !== error.message)
      this.#log.warn('documents cannot be shipped; they stay in the journal', { error });
    this.#error = error;
    if (this.#state !== 'failing') this.#enter('failing');
  }

  #enter(state: HealthState): void {
    this.#state = state;
    this.#since = new Date();
  }
}
