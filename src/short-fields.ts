/** What a document says, in one line for a person: `drop_reason=NO_SOCKET comm=curl pid=42 …`. */
import { printable } from './text.ts';

/** Ids and addresses lead to other documents and tell a person nothing. */
const UNTOLD = /(^|_)(id|addr|cookie|flags)$/;
/** Why it happened and to whom comes first: the end may have no room. */
const FIRST = [/^[\w.]*(reason|label)=/, /^[\w.]*\b(comm|pid)=/] as const;

type Data = Readonly<Record<string, unknown>>;

/** @param most characters; what does not fit is an ellipsis */
export function shortFields(data: Data, most: number): string[] {
  const fields: string[] = [];
  collect(data, '', fields);
  const place = (field: string): number => {
    const found = FIRST.findIndex((first) => first.test(field));
    return found === -1 ? FIRST.length : found;
  };
  return fit(
    fields.toSorted((a, b) => place(a) - place(b)),
    most,
  );
}

/** Names are whatever a process has called itself. */
export function shownText(value: unknown): string {
  const text = String(value);
  return PLAIN.test(text) ? text : printable(JSON.stringify(text));
}

const PLAIN = /^[\w.:/@-]+$/;

/** Numbers, flags and text, by path; lists and free-form maps have no end. */
function collect(data: Data, prefix: string, fields: string[], depth = 0): void {
  for (const [key, value] of Object.entries(data)) {
    if (UNTOLD.test(key)) continue;
    if (typeof value !== 'object') fields.push(`${prefix}${key}=${shownText(value)}`);
    else if (value !== null && !Array.isArray(value) && depth === 0)
      collect(value as Data, `${prefix}${key}.`, fields, depth + 1);
  }
}

function fit(fields: readonly string[], most: number): string[] {
  let left = most;
  const last = fields.findIndex((field) => {
    left -= field.length + 1;
    return left < 0;
  });
  return last === -1 ? [...fields] : [...fields.slice(0, last), '…'];
}
