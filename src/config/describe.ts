/**
 * The config schema as data. Help, default file, error messages and `--print` walk the JSON Schema that zod makes instead of
 * zod's own objects, so what they say is what editors see too.
 */
import * as z from 'zod';

/** One node of the JSON Schema, as far as it is read here. */
export interface SchemaNode {
  readonly type?: string;
  readonly description?: string;
  /** What may stand there, as a clause; see `fields.ts`. */
  readonly allowed?: string;
  /** In the form of the file: `15s`. */
  readonly default?: unknown;
  readonly properties?: Readonly<Record<string, SchemaNode>>;
  readonly items?: SchemaNode;
  readonly enum?: readonly unknown[];
  readonly minimum?: number;
  readonly maximum?: number;
}

export type Path = readonly string[];

/** One key that holds a value. */
interface Setting {
  readonly path: Path;
  readonly node: SchemaNode;
}

/** JSON Schema (2020-12) of what may be written, not of what it becomes. */
export function jsonSchema(schema: z.ZodType): SchemaNode {
  return z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' }) as SchemaNode;
}

export function isSection(
  node: SchemaNode | undefined,
): node is SchemaNode & Required<Pick<SchemaNode, 'properties'>> {
  return node?.properties !== undefined;
}

/** The keys that hold values, in the order of the schema. */
export function settingsOf(node: SchemaNode, path: Path = []): Setting[] {
  if (!isSection(node)) return [{ path, node }];
  return Object.entries(node.properties).flatMap(([key, child]) => settingsOf(child, [...path, key]));
}

/** The node of a path; numbers index lists. */
export function nodeAt(root: SchemaNode | undefined, path: readonly PropertyKey[]): SchemaNode | undefined {
  let node = root;
  for (const key of path) {
    if (typeof key === 'number') node = node?.items;
    else
      node =
        node?.properties && Object.hasOwn(node.properties, key) ? node.properties[String(key)] : undefined;
  }
  return node;
}

/** What may stand at this node, as a clause; undefined when the schema does not tell. */
export function allowedAt(node: SchemaNode | undefined): string | undefined {
  if (!node || node.allowed !== undefined) return node?.allowed;
  if (isSection(node)) return `a mapping with ${listWords(Object.keys(node.properties), 'and')}`;
  if (node.enum) return listWords(node.enum.map(String), 'or');
  switch (node.type) {
    case 'boolean':
      return 'true or false';
    case 'integer':
    case 'number':
      return `a${node.type === 'integer' ? ' whole' : ''} number${bounds(node)}`;
    case 'string':
      return 'text';
    case 'array':
      return 'a list';
    default:
      return undefined;
  }
}

function bounds({
  minimum = Number.MIN_SAFE_INTEGER,
  maximum = Number.MAX_SAFE_INTEGER,
}: SchemaNode): string {
  const atLeast = minimum > Number.MIN_SAFE_INTEGER ? `, at least ${minimum}` : '';
  const atMost = maximum < Number.MAX_SAFE_INTEGER ? `, at most ${maximum}` : '';
  return atLeast + atMost;
}

/** `a, b and c`; of many only the first few. */
export function listWords(words: readonly string[], join: 'and' | 'or'): string {
  const shown = words.length > 12 ? [...words.slice(0, 11), `${words.length - 11} more`] : words;
  return shown.length < 2 ? shown.join('') : `${shown.slice(0, -1).join(', ')} ${join} ${shown.at(-1)}`;
}

type Tree = Readonly<Record<string, unknown>>;

export function isTree(value: unknown): value is Tree {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

export function valueAt(tree: unknown, path: readonly PropertyKey[]): unknown {
  let value = tree;
  for (const key of path) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, key)) return undefined;
    value = (value as Record<PropertyKey, unknown>)[key];
  }
  return value;
}

/** A copy with one more value. A list or a scalar that stands in the way stays: the schema will complain about it. */
export function withValue(tree: unknown, [key, ...rest]: readonly string[], value: unknown): unknown {
  if (key === undefined) return value;
  if (tree !== undefined && !isTree(tree)) return tree;
  return { ...tree, [key]: withValue(valueAt(tree, [key]), rest, value) };
}
