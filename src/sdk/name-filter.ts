/** Which devices, keys, mount points or containers a collector looks at: two options, the same in all collectors. */

/** Options that `pattern()` declares. */
export interface NameFilterOptions {
  /** Empty: all. */
  readonly include: string;
  /** Empty: none. */
  readonly exclude: string;
}

/**
 * @param options as they were checked at the start
 * @returns whether a name is included and not excluded
 */
export function nameFilter({ include, exclude }: NameFilterOptions): (name: string) => boolean {
  const isIncluded = include === '' ? undefined : matchesWhole(include);
  const isExcluded = exclude === '' ? undefined : matchesWhole(exclude);
  return (name) => (isIncluded?.test(name) ?? true) && !(isExcluded?.test(name) ?? false);
}

/**
 * `lo|eth.*` must not match `flow0`, so alternatives are bracketed before they are anchored. A pattern is looked at by itself
 * first: `a)|(b` closes the bracket.
 * @throws SyntaxError when it is no regular expression
 */
export function matchesWhole(pattern: string): RegExp {
  const { source } = new RegExp(pattern, 'su');
  return new RegExp(`^(?:${source})$`, 'su');
}
