/** Tables for people; coloured when stdout is a terminal. */
import { styleText } from 'node:util';
import stringWidth from 'string-width';
import { printable } from '../text.ts';

const GAP = '  ';
/** The last column gets this many columns of the terminal, also where it has fewer. */
const NARROWEST = 30;

/**
 * Columns as wide as their longest cell.
 * @param rows cells as text, however hostile
 * @param dimmed rows that are printed in yellow
 * @param columns of the terminal, at which the last column is wrapped; without it each row is one line, as programs read it
 */
export function formatTable(
  head: readonly string[],
  rows: readonly (readonly string[])[],
  dimmed: (row: readonly string[]) => boolean = () => false,
  columns: number | undefined = process.stdout.columns,
): string {
  const cells = rows.map((row) => row.map(printable));
  const widths = head.map((_, column) =>
    Math.max(...[head, ...cells].map((row) => stringWidth(row[column] ?? ''))),
  );
  const indent = widths.slice(0, -1).reduce((sum, width) => sum + width + GAP.length, 0);
  const room = Math.max((columns ?? Number.POSITIVE_INFINITY) - indent, NARROWEST);
  const line = (row: readonly string[]): string => {
    const before = row
      .slice(0, -1)
      .map((cell, column) => cell + ' '.repeat((widths[column] ?? 0) - stringWidth(cell)));
    const lines = wrap(row.at(-1) ?? '', room).join(`\n${' '.repeat(indent)}`);
    return [...before, lines].join(GAP).trimEnd();
  };
  const body = cells.map((row) => (dimmed(row) ? styleText('yellow', line(row)) : line(row)));
  return [styleText('bold', line(head)), ...body].join('\n');
}

/** Between words: a word that is longer stays whole. */
function wrap(text: string, columns: number): string[] {
  const lines: string[] = [];
  for (const word of text.split(' ')) {
    const line = lines.at(-1);
    if (line !== undefined && stringWidth(`${line} ${word}`) <= columns)
      lines[lines.length - 1] = `${line} ${word}`;
    else lines.push(word);
  }
  return lines;
}
