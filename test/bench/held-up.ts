/**
 * Whether a large scrape holds up a collector: one that writes a document after the other says of each how long it took until it
 * was in the journal, while nothing is scraped and while the page is made again and again.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { AgentProcess } from './agent-process.ts';
import { median, type Row } from './report.ts';
import type { Scraper } from './scraper.ts';

export const WRITER = 'writer';
const PHASE_MS = 5_000;

/** A collector with a thread of its own, which has the loop itself. */
export const writerCollector = `import { decimal, defineAutotracing, integer } from ${JSON.stringify(new URL('../../src/sdk/index.js', import.meta.url).href)};

export default defineAutotracing({
  doc: 'Writes documents.',
  document: { at_ms: integer('Unix time at its begin'), took_ms: decimal('Time until the one before was in the journal') },
  async start({ clock, save, signal }) {
    for (let took_ms = 0; !signal.aborted; await clock.sleep(0.01)) {
      const begun_ms = performance.now();
      await save({ data: { at_ms: Date.now(), took_ms } });
      took_ms = performance.now() - begun_ms;
    }
  },
});
`;

/** @param journal its directory @param scraper of the large page */
export async function measureHeldUp(agent: AgentProcess, journal: string, scraper: Scraper): Promise<Row[]> {
  const begun_ms = Date.now();
  await sleep(PHASE_MS);
  const scraped_ms = Date.now();
  while (Date.now() < scraped_ms + PHASE_MS) await scraper.scrape();
  const ended_ms = Date.now();
  // Those that are under way.
  await sleep(100);
  const { produced, journalled, difference } = await agent.ledger(WRITER);
  const all = documents(journal);
  const between = (from_ms: number, to_ms: number): string => {
    const took = all.filter(({ at_ms }) => at_ms >= from_ms && at_ms < to_ms).map(({ took_ms }) => took_ms);
    const sorted = took.toSorted((a, b) => a - b);
    const p99 = sorted[Math.ceil(sorted.length * 0.99) - 1] ?? Number.NaN;
    return `${median(took).toFixed(1)} ms, p99 ${p99.toFixed(1)}`;
  };
  const lost = Number(produced) - Number(journalled) - Number(difference);
  return [
    {
      name: 'scrape, many samples, a collector meanwhile',
      measured: `a document takes ${between(scraped_ms, ended_ms)}, else ${between(begun_ms, scraped_ms)}; ${lost} lost`,
      verdict: 'info',
    },
  ];
}

interface Written {
  readonly at_ms: number;
  readonly took_ms: number;
}

function documents(journal: string): Written[] {
  const directory = join(journal, WRITER);
  return readdirSync(directory)
    .filter((name) => name.endsWith('.ndjson'))
    .flatMap((name) => readFileSync(join(directory, name), 'utf8').trimEnd().split('\n'))
    .map((line) => (JSON.parse(line) as { readonly tracer_data: Written }).tracer_data);
}
