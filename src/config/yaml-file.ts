/** A YAML file as values that remember where they stand. Nothing a file may contain makes this throw but ConfigError. */
import { isUtf8 } from 'node:buffer';
import {
  type Document,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  LineCounter,
  type Node,
  parseDocument,
  visit,
  type YAMLError,
} from 'yaml';
import { printable, show } from '../text.ts';
import { ConfigError, type ConfigIssue } from './issues.ts';

export const MAX_BYTES = 1 << 20;
/** Aliases multiply: what they may expand to is bounded, see https://en.wikipedia.org/wiki/Billion_laughs_attack. */
const MAX_ALIASES = 100;

interface Position {
  readonly line: number;
  readonly column: number;
}

export interface YamlFile {
  /** As the user named it. */
  readonly file: string;
  /** Plain data; an empty file is `{}`. */
  readonly root: unknown;
  /** Faults that leave the rest readable: duplicate keys. */
  readonly issues: readonly ConfigIssue[];
  /** Of the value, or of the deepest parent that is there. */
  positionOf(path: readonly PropertyKey[]): Position;
  /** Of the key itself. */
  positionOfKey(path: readonly PropertyKey[]): Position;
}

/** @throws ConfigError when it is not one YAML document in UTF-8 of at most 1 MiB */
export function parseYaml(file: string, bytes: Buffer): YamlFile {
  if (bytes.length > MAX_BYTES) {
    throw new ConfigError([
      { source: file, path: '', found: 'more than 1 MiB', expected: 'a file of at most 1 MiB' },
    ]);
  }
  if (!isUtf8(bytes)) throw new ConfigError([notUtf8(file, bytes)]);
  const text = bytes.toString('utf8');
  const lines = new LineCounter();
  try {
    // Warnings (unknown tags, keys that are no text) go to the list below, not to the process.
    const document = parseDocument(text, {
      lineCounter: lines,
      prettyErrors: false,
      logLevel: 'error',
    });
    const issues = [...document.errors, ...document.warnings].map((error) =>
      syntaxIssue(file, text, error, lines),
    );
    if (document.errors.some((error) => error.code !== 'DUPLICATE_KEY')) throw new ConfigError(issues);
    visit(document, {
      Scalar: (_, { value, range }) => {
        if (typeof value === 'string' && value.includes('\0')) issues.push(nulIssue(file, range, lines));
      },
    });
    return {
      file,
      root: document.toJS({ maxAliasCount: MAX_ALIASES }) ?? {},
      issues,
      positionOf: (path) => position(walk(document, path).value, lines),
      positionOfKey: (path) => position(walk(document, path).key, lines),
    };
  } catch (cause) {
    if (cause instanceof ConfigError) throw cause;
    throw new ConfigError([{ source: file, path: '', ...unparsable(cause) }], { cause });
  }
}

function notUtf8(file: string, bytes: Buffer): ConfigIssue {
  let line = 1;
  let start = 0;
  for (let end = bytes.indexOf(0x0a); end >= 0; end = bytes.indexOf(0x0a, start)) {
    if (!isUtf8(bytes.subarray(start, end))) break;
    line += 1;
    start = end + 1;
  }
  return {
    source: file,
    line,
    column: 1,
    path: '',
    found: 'bytes that are not UTF-8',
    expected: 'text in UTF-8',
  };
}

function syntaxIssue(source: string, text: string, error: YAMLError, lines: LineCounter): ConfigIssue {
  const position = { source, ...toPosition(error.pos[0], lines), path: '' };
  switch (error.code) {
    case 'DUPLICATE_KEY': {
      const [key = ''] = /^[^:\n]*/.exec(text.slice(error.pos[0])) ?? [];
      return { ...position, found: `${show(key.trim())} for the second time`, expected: 'each key once' };
    }
    case 'MULTIPLE_DOCS':
      return { ...position, found: 'a second document', expected: 'one' };
    default:
      return { ...position, found: printable(error.message), expected: 'valid YAML' };
  }
}

/** The kernel ends a path or name there: what was checked would not be what is opened. */
function nulIssue(source: string, range: Node['range'], lines: LineCounter): ConfigIssue {
  const position = toPosition(range?.[0] ?? 0, lines);
  return { source, ...position, path: '', found: 'a NUL character', expected: 'text without one' };
}

/** The parser recurses, so nesting of some thousand levels ends in a RangeError. */
function unparsable(cause: unknown): { found: string; expected: string } {
  const reason = cause instanceof Error ? cause.message : String(cause);
  if (cause instanceof RangeError) return { found: 'nesting that is too deep', expected: 'a few levels' };
  if (/alias/i.test(reason))
    return { found: 'aliases that expand too far', expected: `at most ${MAX_ALIASES}` };
  return { found: show(reason), expected: 'valid YAML' };
}

/** Key and value node of a path, or those of its deepest parent that is there. */
function walk(document: Document, path: readonly PropertyKey[]): { key: Node | null; value: Node | null } {
  let found: { key: Node | null; value: Node | null } = { key: document.contents, value: document.contents };
  for (const segment of path) {
    const parent = isAlias(found.value) ? found.value.resolve(document) : found.value;
    if (isMap<Node, Node | null>(parent)) {
      const pair = parent.items.findLast(({ key }) => isScalar(key) && String(key.value) === String(segment));
      if (!pair) return found;
      found = { key: pair.key, value: pair.value ?? pair.key };
    } else if (isSeq<Node>(parent)) {
      const item = parent.items[Number(segment)];
      if (!item) return found;
      found = { key: item, value: item };
    } else return found;
  }
  return found;
}

function position(node: Node | null, lines: LineCounter): Position {
  return toPosition(node?.range?.[0] ?? 0, lines);
}

function toPosition(offset: number, lines: LineCounter): Position {
  const { line, col } = lines.linePos(offset);
  return { line: Math.max(1, line), column: Math.max(1, col) };
}
