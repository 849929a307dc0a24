/**
 * Conditions on documents: `tracer_data.victim.pid == 42 && severity != warning`. A condition tells which bytes a line must contain to
 * meet it, so that most lines are passed over without being parsed.
 */
import { HuatuoError } from '../../error.ts';
import { SEVERITIES } from '../../schema/layout.ts';
import { NS_PER_MS, parseDuration, parseSize } from '../../sdk/units.ts';

const OPERATORS = ['==', '!=', '<=', '>=', '<', '>', '~'] as const;
type Operator = (typeof OPERATORS)[number];
type Scalar = string | number | boolean | null;

const CLAUSE = /^\s*([A-Za-z0-9_@][\w@.-]*)\s*(==|!=|<=|>=|<|>|~)\s*(\S.*?)\s*$/s;
const MAX_CLAUSES = 32;
const MAX_LENGTH = 4096;
const ORDERED: ReadonlySet<string> = new Set(['<', '<=', '>', '>=']);
/** Begins like a longer operator, goes on like a second clause, or is in the quotes of another language: `a === 1`, `a == 1 || b`. */
const NO_VALUE = /^[=<>!~&|]|[=!<>]=|[|&]{2}|"|^['`]|^$/;
/** `a..b`, `a.`: no key is empty. */
const NO_PATH = /\.\.|\.$/;
/** Text that JSON writes as it is, however it is written. */
const PLAIN = /^[\x20\x21\x23-\x2e\x30-\x5b\x5d-\x7e]*$/;

export interface Condition {
  /** One of these is in every line that meets it; undefined when nothing can be said. */
  readonly needles: readonly Buffer[] | undefined;
  meets(document: unknown): boolean;
  /** Why a document cannot meet it, whatever the values are in it: what is compared is not there, or is of another kind. */
  misfit(document: unknown): string | undefined;
}

/**
 * @param text clauses `PATH OPERATOR VALUE` with && between them; ~ is "contains"
 * @throws HuatuoError USAGE
 */
export function parseFilter(text: string): Condition[] {
  if (text.length > MAX_LENGTH) throw misspelt(`${text.length} characters`, `at most ${MAX_LENGTH}`);
  const clauses = splitClauses(text);
  if (clauses.length > MAX_CLAUSES) throw misspelt(`${clauses.length} conditions`, `at most ${MAX_CLAUSES}`);
  return clauses.map(parseClause);
}

/** The container whose id begins with a text, or whose name, host name or pod is that text. */
export function ofContainer(text: string): Condition {
  return {
    needles: PLAIN.test(text) ? [Buffer.from(`"${text}`)] : undefined,
    meets: (document) => {
      const fields = document as Readonly<Record<string, unknown>>;
      const { container_id, container_name, container_hostname, pod_name } = fields;
      const named = [container_name, container_hostname, pod_name].includes(text);
      return named || (typeof container_id === 'string' && container_id.startsWith(text));
    },
    misfit(document) {
      return this.meets(document) ? undefined : `no container called ${JSON.stringify(text)}`;
    },
  };
}

function parseClause(clause: string): Condition {
  const [, path = '', operator = '', written = ''] = CLAUSE.exec(clause) ?? [];
  if (path === '' || NO_PATH.test(path))
    throw misspelt(JSON.stringify(clause.trim().slice(0, 200)), 'PATH OPERATOR VALUE');
  const value = parseValue(written, path);
  if (ORDERED.has(operator) && (typeof value === 'boolean' || value === null))
    throw misspelt(clause.trim().slice(0, 200), `a number or a text after ${operator}`);
  const keys = path.split('.');
  return {
    needles: needlesOf(keys, operator as Operator, value),
    meets: (document) => {
      const found = valuesAt(document, keys);
      if (operator === '!=') return !found.some((one) => one === value);
      return found.some((one) => compare(one, operator as Operator, value));
    },
    misfit: (document) => {
      const found = valuesAt(document, keys);
      if (found.length === 0) return `no ${path}`;
      if (path === 'severity' && operator === '==' && !isSeverity(value))
        return `a severity of ${SEVERITIES.join(', ')}, and never ${JSON.stringify(value)}`;
      if (operator === '!=' || found.some((one) => typeof one === typeof value)) return undefined;
      return `${path} with ${kindOf(found[0])}, and not ${kindOf(value)} such as ${JSON.stringify(value)}`;
    },
  };
}

function isSeverity(value: Scalar): boolean {
  return SEVERITIES.some((one) => one === value);
}

function kindOf(value: unknown): string {
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'object') return value === null ? 'null' : 'fields of its own';
  return { number: 'a number', string: 'a text' }[typeof value as string] ?? 'true or false';
}

/** The end of a field's name says in which unit its number is. */
const IN_UNITS: readonly (readonly [suffix: string, parse: (text: string) => number | undefined])[] = [
  ['_bytes', parseSize],
  ['_ns', parseDuration],
  ['_us', (text) => scaled(parseDuration(text), 1e3)],
  ['_ms', (text) => scaled(parseDuration(text), NS_PER_MS)],
  ['_seconds', (text) => scaled(parseDuration(text), 1e9)],
];

function scaled(ns: number | undefined, by: number): number | undefined {
  return ns === undefined ? undefined : ns / by;
}

/** @param path of the field that it is compared with: of one in bytes 50MiB is a number, as in the configuration */
function parseValue(text: string, path: string): Scalar {
  const [, parse] = IN_UNITS.find(([suffix]) => path.endsWith(suffix)) ?? [];
  const inUnits = parse?.(text);
  if (inUnits !== undefined) return inUnits;
  if (text === 'true' || text === 'false') return text === 'true';
  if (text === 'null') return null;
  if (/^-?\d+(\.\d+)?([eE][+-]?\d+)?$/.test(text)) return Number(text);
  const [, quoted] = /^"((?:[^"\\]|\\.)*)"$/s.exec(text) ?? [];
  if (quoted === undefined) {
    if (NO_VALUE.test(text))
      throw misspelt(text.slice(0, 200), 'one value, in quotes if it has quotes or operators in it,');
    return text;
  }
  try {
    return JSON.parse(text) as string;
  } catch {
    throw misspelt(text.slice(0, 200), 'a string in JSON');
  }
}

function needlesOf(
  keys: readonly string[],
  operator: Operator,
  value: Scalar,
): readonly Buffer[] | undefined {
  if (operator === '!=') return undefined;
  // The last part of a path may be the end of a key that has dots in it, so what stands before it is unknown.
  const key = `${keys.length === 1 ? '"' : ''}${keys.at(-1)}":`;
  // Whatever is compared must be there.
  if (operator !== '==' || (typeof value === 'string' && !PLAIN.test(value))) return [Buffer.from(key)];
  if (typeof value === 'string') return [Buffer.from(`"${value}"`)];
  // 1.0 and 1e3 are other spellings that JSON.stringify and the decoders do not write.
  return [Buffer.from(`${key}${JSON.stringify(value)}`), Buffer.from(`${key}[`)];
}

/** Values at a path; each element of a list counts, and a key may itself contain dots. */
function valuesAt(value: unknown, [key, ...rest]: readonly string[]): unknown[] {
  if (Array.isArray(value))
    return value.flatMap((one) => valuesAt(one, key === undefined ? [] : [key, ...rest]));
  if (key === undefined) return [value];
  if (typeof value !== 'object' || value === null) return [];
  const whole = [key, ...rest].join('.');
  const direct =
    Object.hasOwn(value, whole) && rest.length > 0 ? [(value as Record<string, unknown>)[whole]] : [];
  return Object.hasOwn(value, key)
    ? [...direct, ...valuesAt((value as Record<string, unknown>)[key], rest)]
    : direct;
}

function compare(found: unknown, operator: Operator, value: Scalar): boolean {
  switch (operator) {
    case '==':
      return found === value;
    case '~':
      return typeof found === 'string' && found.includes(String(value));
    default:
      break;
  }
  if (typeof found !== typeof value || (typeof found !== 'number' && typeof found !== 'string')) return false;
  const limit = value as number | string;
  if (operator === '<') return found < limit;
  if (operator === '<=') return found <= limit;
  return operator === '>' ? found > limit : found >= limit;
}

/** At && that is not in a string. */
function splitClauses(text: string): string[] {
  const parts = text.split(/("(?:[^"\\]|\\.)*")|&&/s);
  const clauses = [''];
  for (let index = 0; index < parts.length; index += 2) {
    clauses[clauses.length - 1] += parts[index] ?? '';
    if (index + 1 >= parts.length) break;
    const quoted = parts[index + 1];
    if (quoted === undefined) clauses.push('');
    else clauses[clauses.length - 1] += quoted;
  }
  return clauses;
}

function misspelt(found: string, expected: string): HuatuoError {
  return new HuatuoError('USAGE', {
    expected: `${expected} in a filter`,
    found,
    remedy: `write e.g. tracer_data.victim.pid == 42 && severity != warning; operators: ${OPERATORS.join(' ')}`,
  });
}
