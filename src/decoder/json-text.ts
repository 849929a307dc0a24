/**
 * JSON as the documents have it: what a strict parser of any language takes. `JSON.stringify` alone refuses a bigint, and
 * writes half a surrogate pair as an escape that names no character, for which some parsers refuse the whole line.
 */

/** Node 26 has both halves of the JSON source text proposal; the library types do not yet. */
type SourceAwareJson = {
  parse(
    text: string,
    reviver: (key: string, value: unknown, context: { source?: string }) => unknown,
  ): unknown;
  rawJSON(text: string): unknown;
  isRawJSON(value: unknown): boolean;
};
const json = JSON as unknown as SourceAwareJson;

const INTEGER = /^-?\d+$/;
/** Such an escape, or a backslash before these letters. */
const HALF_PAIR = /\\ud[89a-f]/;

/** Parses JSON; an integer that a double cannot hold becomes a BigInt. @throws SyntaxError */
export function parseExactly(text: string): unknown {
  return json.parse(text, (_key, value, { source }) =>
    typeof value === 'number' && !Number.isSafeInteger(value) && source !== undefined && INTEGER.test(source)
      ? BigInt(source)
      : value,
  );
}

/**
 * The inverse: a BigInt is printed as its digits. Text that is not well-formed, keys too, gets U+FFFD where a character is
 * missing; of keys that become equal by that, the last one counts.
 * @returns undefined for what has no JSON text, such as a function
 * @throws TypeError for a circle; what a `toJSON` throws
 */
export function jsonText(value: unknown): string | undefined {
  const text = JSON.stringify(value, exact) as string | undefined;
  return text !== undefined && HALF_PAIR.test(text) ? JSON.stringify(value, wellFormed) : text;
}

function exact(_key: string, value: unknown): unknown {
  return typeof value === 'bigint' ? json.rawJSON(value.toString()) : value;
}

function wellFormed(key: string, value: unknown): unknown {
  if (typeof value === 'string' || value instanceof String) return String(value).toWellFormed();
  if (typeof value !== 'object' || value === null || Array.isArray(value) || json.isRawJSON(value))
    return exact(key, value);
  return Object.fromEntries(Object.entries(value).map(([name, member]) => [name.toWellFormed(), member]));
}
