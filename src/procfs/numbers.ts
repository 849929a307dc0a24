/** Numbers in the rows of procfs tables, without a regular expression or a string for each. */

const SPACE = 0x20;
const TAB = 0x09;
const NEWLINE = 0x0a;
const ZERO = 0x30;

/**
 * The non-negative decimal numbers of `text` between two places, which white space separates; above 2^53 they are rounded.
 * @returns undefined when there is anything else
 */
export function decimals(text: string, start: number, end: number): number[] | undefined {
  const numbers: number[] = [];
  let number = 0;
  let isInNumber = false;
  for (let at = start; at < end; at++) {
    const code = text.charCodeAt(at);
    const digit = code - ZERO;
    if (digit >= 0 && digit <= 9) {
      number = number * 10 + digit;
      isInNumber = true;
    } else if (code !== SPACE && code !== TAB && code !== NEWLINE) return undefined;
    else if (isInNumber) {
      numbers.push(number);
      number = 0;
      isInNumber = false;
    }
  }
  if (isInNumber) numbers.push(number);
  return numbers;
}

/** Words of a row, whatever the spaces between them. */
export function words(row: string): string[] {
  return row.split(' ').filter((word) => word !== '');
}

/** @returns undefined for anything but one to sixteen hexadecimal digits */
export function hexadecimal(text: string | undefined): number | undefined {
  return text !== undefined && /^[0-9a-fA-F]{1,16}$/.test(text) ? Number.parseInt(text, 16) : undefined;
}
