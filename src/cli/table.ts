/** Tables for people; coloured when stdout is a terminal. */
import { styleText } from 'node:util';
import stringWidth from 'string-width';
import { printable } from '../text.ts';

/**
 * Columns as wide as their longest cell.
 * @param rows cells as text, however hostile
 * @param dimmed rows that are printed in yellow
 */
export function formatTable(
  head: readonly string[],
  rows: readonly (readonly string[])[],
  dimmed: (row: readonly string[]) => boolean = () => false,
): string {
  const cells = rows.map((row) => row.map(printable));
  const widths = head.map((_, column) =>
    Math.max(...[head, ...cells].map((row) => stringWidth(row[column] ?? ''))),
  );
  const line = (row: readonly string[]): string =>
    row
      .map((cell, column) => cell + ' '.repeat((widths[column] ?? 0) - stringWidth(cell)))
      .join('  ')
      .trimEnd();
  const body = cells.map((row) => (dimmed(row) ? styleText('yellow', line(row)) : line(row)));
  return [styleText('bold', line(head)), ...body].join('\n');
}
