import type { WireError } from '../../error.ts';
import type { MetricsAnswer } from '../../sdk/metrics.ts';

/** Prometheus worker → collector worker. */
export interface ScrapeRequest {
  readonly type: 'scrape';
  readonly id: number;
  /** Token of the last answer that has come: its text need not be sent again. */
  readonly known?: string | undefined;
}

/** Collector worker → Prometheus worker; `id` is the request's. */
export type ScrapeReply =
  /**
   * Once on each port, when it is attached: it is not asked before. [0] of `changes` rises with whatever may change its metrics;
   * absent where only it can tell.
   */
  | { readonly type: 'ready'; readonly changes?: Int32Array<SharedArrayBuffer> | undefined }
  /** With `expires` it is to be asked again although nothing has changed. */
  | {
      readonly type: 'samples';
      readonly id: number;
      readonly answer: MetricsAnswer;
      readonly expires?: boolean;
    }
  | { readonly type: 'failed'; readonly id: number; readonly error: WireError };
