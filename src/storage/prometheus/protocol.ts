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
  /** Once on each port, when it is attached: it is not asked before. */
  | { readonly type: 'ready' }
  | { readonly type: 'samples'; readonly id: number; readonly answer: MetricsAnswer }
  | { readonly type: 'failed'; readonly id: number; readonly error: WireError };
