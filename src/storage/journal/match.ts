/** Lines of a block that meet conditions: most are passed over by their bytes, the others are parsed. */
import type { Condition } from './filter.ts';

const NEWLINE = 10;
const COLON = 58;
const BRACE = 125;
/** As every document begins. */
const HEAD = Buffer.from('{"@timestamp":"');
const TIME_AT = HEAD.length;
const TIME_BYTES = 30;

export interface LineTest {
  readonly conditions: readonly Condition[];
  /** As documents write times, both included. */
  readonly since: string;
  readonly until: string;
}

/** @param lines whole ones @param found gets where each line begins that meets the test, and where its newline is */
export function matchLines(lines: Buffer, test: LineTest, found: (start: number, end: number) => void): void {
  if (!test.conditions.every(({ needles }) => hasOne(lines, needles))) return;
  const finder = finderOf(lines, rarest(test.conditions));
  for (let at = 0; at < lines.length; ) {
    if (finder) {
      const hit = finder(at);
      if (hit === undefined) return;
      at = lines.lastIndexOf(NEWLINE, hit) + 1;
    }
    const end = lines.indexOf(NEWLINE, at);
    if (meets(lines.subarray(at, end), test)) found(at, end);
    at = end + 1;
  }
}

function meets(line: Buffer, { conditions, since, until }: LineTest): boolean {
  // Others can write to the directory too, and what they write is no document.
  if (line.at(-1) !== BRACE || !line.subarray(0, HEAD.length).equals(HEAD)) return false;
  const time = timeOf(line);
  if (time < since || time > until) return false;
  if (conditions.length === 0) return true;
  if (!conditions.every(({ needles }) => hasOne(line, needles))) return false;
  try {
    const document: unknown = JSON.parse(line.toString('utf8'));
    return conditions.every((condition) => condition.meets(document));
  } catch {
    return false;
  }
}

/** The needles that probably stand in fewest lines: not a mere name of a field, and long. */
function rarest(conditions: readonly Condition[]): readonly Buffer[] | undefined {
  const length = (needles: readonly Buffer[] = []): number =>
    needles.some((needle) => needle.at(-1) === COLON)
      ? 0
      : Math.min(...needles.map((needle) => needle.length));
  return conditions
    .map(({ needles }) => needles)
    .filter((needles) => needles !== undefined)
    .toSorted((a, b) => length(b) - length(a))[0];
}

/** Where one of the needles next stands, at or behind a place; undefined when it does not. */
function finderOf(
  lines: Buffer,
  needles: readonly Buffer[] | undefined,
): ((from: number) => number | undefined) | undefined {
  if (!needles) return undefined;
  const next = needles.map(() => -1);
  return (from) => {
    for (const [index, needle] of needles.entries()) {
      if ((next[index] as number) >= from) continue;
      const hit = lines.indexOf(needle, from);
      next[index] = hit < 0 ? Number.POSITIVE_INFINITY : hit;
    }
    const nearest = Math.min(...next);
    return Number.isFinite(nearest) ? nearest : undefined;
  };
}

function hasOne(bytes: Buffer, needles: readonly Buffer[] | undefined): boolean {
  return needles === undefined || needles.some((needle) => bytes.includes(needle));
}

/** Time of the document that begins here. */
export function timeOf(line: Buffer): string {
  return line.toString('latin1', TIME_AT, TIME_AT + TIME_BYTES);
}

/** As documents write it, so that the order of texts is the order of times. @param ms infinite for behind all of them */
export function timestamp(ms: number): string {
  return Number.isFinite(ms) ? `${new Date(ms).toISOString().slice(0, 23)}000000Z` : '~';
}
