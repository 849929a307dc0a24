/** How long is waited for a task of the pool that is not a scrape's own: to load a module, to sample, to look. */
const USUAL_MS = 5_000;

/**
 * @param scrape_timeout_ms `web.scrape_timeout`: who raises it says that the host is very slow, and a module takes as long to load there
 * @returns milliseconds, waiting for a thread included
 */
export function patience_ms(scrape_timeout_ms: number): number {
  return Math.max(USUAL_MS, scrape_timeout_ms);
}
