/** Nested plain objects by path. Keys come from users: `__proto__` is a key like any other. */

export type Tree = Readonly<Record<string, unknown>>;

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
