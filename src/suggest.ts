/** "Did you mean": the nearest of a few known words. */

/** Words longer than this are no typing mistake; it bounds the work as well. */
const MAX_LENGTH = 64;

/**
 * The candidate with the fewest edits to `word`, or undefined when even that one is too far away to be meant: at most one
 * edit for every three characters, at least one, at most three.
 */
export function nearest(word: string, candidates: Iterable<string>): string | undefined {
  if (word.length > MAX_LENGTH) return undefined;
  let best: string | undefined;
  let bestDistance = Math.min(3, Math.max(1, Math.floor(word.length / 3))) + 1;
  for (const candidate of candidates) {
    if (Math.abs(candidate.length - word.length) >= bestDistance) continue;
    const distance = editDistance(word.toLowerCase(), candidate.toLowerCase());
    if (distance >= bestDistance) continue;
    best = candidate;
    bestDistance = distance;
  }
  return best;
}

/**
 * Edits (insert, delete, replace, swap neighbours) between two words: optimal string alignment,
 * https://en.wikipedia.org/wiki/Damerau%E2%80%93Levenshtein_distance, with three rows of the matrix.
 */
export function editDistance(a: string, b: string): number {
  let older: number[] = [];
  let previous = Array.from({ length: b.length + 1 }, (_, column) => column);
  for (let row = 1; row <= a.length; row++) {
    const current = [row];
    for (let column = 1; column <= b.length; column++) {
      const replaced = at(previous, column - 1) + (a[row - 1] === b[column - 1] ? 0 : 1);
      const swapped =
        row > 1 && a[row - 1] === b[column - 2] && a[row - 2] === b[column - 1]
          ? at(older, column - 2) + 1
          : replaced;
      current[column] = Math.min(at(previous, column) + 1, at(current, column - 1) + 1, replaced, swapped);
    }
    [older, previous] = [previous, current];
  }
  return at(previous, b.length);
}

function at(row: readonly number[], column: number): number {
  return row[column] ?? Number.POSITIVE_INFINITY;
}
