/** Tables as Markdown that can be read in a terminal, too. */
import stringWidth from 'string-width';

/** A longer cell stands out of its column, so that one sentence in it does not make every line as long. */
const MAX_PADDED = 60;

/** Columns are padded as biome does. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = head.map((_, column) =>
    Math.min(MAX_PADDED, Math.max(...[head, ...rows].map((cells) => stringWidth(cells[column] ?? '')))),
  );
  const line = (cells: readonly string[], fill: string): string =>
    `| ${cells.map((text, column) => text + fill.repeat(Math.max(0, (widths[column] ?? 0) - stringWidth(text)))).join(' | ')} |`;
  return [
    line(head, ' '),
    line(
      head.map(() => ''),
      '-',
    ),
    ...rows.map((cells) => line(cells, ' ')),
  ].join('\n');
}

/** Text from a source in a cell: no line may end and no column start. */
export function cell(text: string): string {
  return text.replace(/\s+/g, ' ').replaceAll('|', '\\|').replaceAll('<', '&lt;');
}
