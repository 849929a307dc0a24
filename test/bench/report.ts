/** Rows of the final table, and the arithmetic behind them. */

export interface Row {
  readonly name: string;
  readonly measured: string;
  /** Absent for figures that only explain another one. */
  readonly goal?: string;
  /** Measured in terms of the goal, above 1 is better than asked; or of the reference named in `measured`. */
  readonly ratio?: number;
  readonly verdict: 'met' | 'missed' | 'info' | 'skipped' | 'failed';
}

/** The figures of a row whose goal is a least value. */
export function atLeast(value: number, goal: number): Pick<Row, 'ratio' | 'verdict'> {
  return { ratio: value / goal, verdict: value >= goal ? 'met' : 'missed' };
}

/** The figures of a row whose goal is a greatest value. */
export function atMost(value: number, goal: number): Pick<Row, 'ratio' | 'verdict'> {
  return {
    ratio: value <= 0 ? Number.POSITIVE_INFINITY : goal / value,
    verdict: value <= goal ? 'met' : 'missed',
  };
}

/** Middle value; of an even number of values the mean of the two in the middle. NaN for none. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? Number.NaN) + upper) / 2;
}

/** `12.3 M/s (11.9 – 12.6)`: median, least and greatest of some rates per second. */
export function rates(values: readonly number[]): string {
  return `${millions(median(values))} M/s (${millions(Math.min(...values))} – ${millions(Math.max(...values))})`;
}

export function millions(value: number): string {
  return (value / 1e6).toPrecision(3);
}

const HEAD = ['name', 'measured', 'goal', 'ratio', 'verdict'];

/** The table as aligned text, one line for each row. */
export function renderTable(rows: readonly Row[]): string {
  const cells = rows.map(({ name, measured, goal, ratio, verdict }) => [
    name,
    measured,
    goal ?? '',
    ratio === undefined ? '' : ratio.toFixed(2),
    verdict,
  ]);
  const widths = HEAD.map((head, column) =>
    Math.max(head.length, ...cells.map((row) => row[column]!.length)),
  );
  const line = (row: readonly string[]): string =>
    row
      .map((cell, column) => cell.padEnd(widths[column]!))
      .join('  ')
      .trimEnd();
  return [HEAD, widths.map((width) => '─'.repeat(width)), ...cells].map(line).join('\n');
}
