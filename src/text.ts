/** Text and values as messages and terminals may show them. */

const MAX_SHOWN = 60;

/** Would move the cursor, colour the text or turn its direction. */
const UNPRINTABLE = /[\p{Cc}\p{Cf}\p{Cs}\u2028\u2029]/gu;

/** User and password of a URL. */
const CREDENTIALS = /(:\/\/)[^/?#\s]*@/g;

/** Text on one line, with nothing in it that a terminal would act on. */
export function printable(text: string): string {
  return text.replace(UNPRINTABLE, (char) => `\\u${char.codePointAt(0)?.toString(16).padStart(4, '0')}`);
}

/** A value as a message names it: quoted text, cut when long and without credentials; lists and mappings by their kind. */
export function show(value: unknown): string {
  if (value === null || value === undefined) return 'nothing';
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'object') return 'a mapping';
  if (typeof value !== 'string') return String(value);
  const known = value.replace(CREDENTIALS, '$1***@');
  const cut = known.length > MAX_SHOWN ? `${known.slice(0, MAX_SHOWN)}…` : known;
  return printable(JSON.stringify(cut));
}

/** `collectors.oom`, `path.collectors[1]`; keys of other shapes are quoted. */
export function showPath(path: readonly PropertyKey[]): string {
  return path
    .map((key, index) => {
      if (typeof key === 'number') return `[${key}]`;
      const text = String(key);
      return (index === 0 ? '' : '.') + (/^[\w-]{1,60}$/.test(text) ? text : show(text));
    })
    .join('');
}
