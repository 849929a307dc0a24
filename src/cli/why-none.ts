/** Why no document was found: conditions that none can meet, such as on a field that there is not. */
import { type EventQuery, readEvents } from '../storage/journal/events.ts';
import { printable } from '../text.ts';

/** Enough to know what documents look like. */
const LOOKED_AT = 2_000;

/**
 * Looks at the first documents that the question is about.
 * @returns one sentence for each condition that none of them can meet
 */
export async function whyNone(directory: string, query: EventQuery): Promise<string[]> {
  const misfits = query.conditions.map((): string | undefined => undefined);
  const open = new Set(query.conditions.keys());
  let documents = 0;
  const all = { ...query, conditions: [], follow: false };
  for await (const { events } of readEvents(directory, all, new AbortController().signal)) {
    for (const { line } of events) {
      const document = parsed(line);
      if (document === undefined) continue;
      documents++;
      for (const index of open) {
        misfits[index] = query.conditions[index]?.misfit(document);
        if (misfits[index] === undefined) open.delete(index);
      }
    }
    if (documents >= LOOKED_AT || open.size === 0) break;
  }
  const asked = documents >= LOOKED_AT ? `the first ${documents} documents` : 'these documents';
  return [...open].flatMap((index) =>
    misfits[index] === undefined ? [] : [`hint: ${asked} have ${printable(misfits[index])}`],
  );
}

function parsed(line: Buffer): unknown {
  try {
    return JSON.parse(line.toString('utf8'));
  } catch {
    return undefined;
  }
}
