/** The collector of test/fixtures/collectors/flood.bpf.c: built, asked for events, and its numbers read back. */
import { buildDirectory } from '../../src/build/collectors.ts';
import { at } from '../../src/paths.ts';
import { readLines } from './journal-reader.ts';
import { rename } from './rename.ts';

/** Events that fit in its ring: 16 MiB of 64 bytes. */
export const FLOOD_RING_EVENTS: number = (1 << 24) / 64;

/**
 * Builds a directory of fixtures, unless it is up to date.
 * @param sources below test/fixtures
 * @returns the directory for `--path.collectors`
 */
export async function builtCollectors(sources: string): Promise<string> {
  const out = at('dist/fixtures', sources);
  const { failures } = await buildDirectory(at('test/fixtures', sources), out);
  if (failures[0]) throw failures[0];
  return out;
}

/** Its section of the config file: events are made for this process only, so tests do not disturb each other. */
export const FLOOD_CONFIG: Readonly<Record<string, unknown>> = { process: process.pid };

/** Has the kernel make `count` events before it returns; nothing happens while no agent has the program attached. */
export function flood(count: number): void {
  rename(`flood:${count}`);
}

/** Every sequence number in the journal with the ids of the documents that carry it, in the order of the numbers. */
export function floodDocuments(journal: string): ReadonlyMap<number, readonly string[]> {
  const found = new Map<number, string[]>();
  for (const line of readLines(journal, 'flood')) {
    const { event_id, tracer_data } = JSON.parse(line) as {
      event_id: string;
      tracer_data: { sequence_count: number };
    };
    const ids = found.get(tracer_data.sequence_count);
    if (ids) ids.push(event_id);
    else found.set(tracer_data.sequence_count, [event_id]);
  }
  return new Map([...found].sort(([a], [b]) => a - b));
}
