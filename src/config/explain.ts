/** Faults that zod found, in the user's terms: place, what is there, what may be there. */
import type * as z from 'zod';
import { aliasesOf, canonicalName } from '../catalog/aliases.ts';
import { nearest } from '../suggest.ts';
import { show, showPath } from '../text.ts';
import { allowedAt, isTree, listWords, nodeAt, type SchemaNode, valueAt } from './describe.ts';
import type { ConfigIssue } from './issues.ts';
import type { Override } from './load.ts';
import type { YamlFile } from './yaml-file.ts';

interface Explained {
  readonly node: SchemaNode;
  readonly yaml: YamlFile | undefined;
  readonly overrides: readonly Override[];
  /** What was checked. */
  readonly merged: unknown;
}

/** What zod reports, or what looks like it. */
export type Fault = z.core.$ZodIssue;

/** One issue for each place; of several faults of one value the first counts. */
export function explain(issues: readonly Fault[], context: Explained): ConfigIssue[] {
  const all = issues.flatMap((issue) => toIssues(issue, context));
  const byPosition = new Map(all.toReversed().map((issue) => [`${issue.source}\0${issue.path}`, issue]));
  return all.filter((issue) => byPosition.get(`${issue.source}\0${issue.path}`) === issue);
}

function toIssues(issue: Fault, context: Explained): ConfigIssue[] {
  if (issue.code === 'unrecognized_keys')
    return issue.keys.map((key) => unknownKey([...issue.path, key], context));
  const params = issue.code === 'custom' ? issue.params : undefined;
  const node = nodeAt(context.node, issue.path);
  const allowed: unknown = params?.allowed ?? allowedAt(node) ?? `something else (${issue.message})`;
  const reason: unknown = params?.reason;
  const value = valueAt(context.merged, issue.path) ?? node?.default;
  const found = show(value) + (reason === undefined ? '' : ` (${reason})`);
  return [{ ...positionOf(issue.path, context, 'value'), found, expected: String(allowed) }];
}

function unknownKey(path: readonly PropertyKey[], context: Explained): ConfigIssue {
  const parent = path.slice(0, -1);
  const key = String(path.at(-1));
  const parentNode = nodeAt(context.node, parent);
  const known = Object.keys(parentNode?.properties ?? {});
  const isCollector = parent.length === 1 && parent[0] === 'collectors';
  const suggestion = nearest(key, isCollector ? known.flatMap((name) => [name, ...aliasesOf(name)]) : known);
  return {
    ...positionOf(path, context, 'key'),
    found: isCollector ? 'an unknown collector' : 'an unknown key',
    expected: known.length === 0 ? 'none' : listWords(known, 'or'),
    ...(suggestion !== undefined && { suggestion }),
  };
}

type IssuePosition = Pick<ConfigIssue, 'source' | 'line' | 'column' | 'path'>;

function positionOf(
  path: readonly PropertyKey[],
  { yaml, overrides }: Explained,
  part: 'key' | 'value',
): IssuePosition {
  const flag = overrides.findLast((override) => override.path.every((key, index) => path[index] === key));
  if (flag) return { source: flag.flag, path: showPath(path) };
  if (!yaml) return { source: 'default', path: showPath(path) };
  const written = asWritten(path, yaml.root);
  const position = part === 'key' ? yaml.positionOfKey(written) : yaml.positionOf(written);
  return { source: yaml.file, ...position, path: showPath(written) };
}

/** The path with the collector under the name that the file uses. */
function asWritten(path: readonly PropertyKey[], root: unknown): readonly PropertyKey[] {
  const sections = valueAt(root, ['collectors']);
  if (path[0] !== 'collectors' || !isTree(sections)) return path;
  const written = Object.keys(sections).findLast((key) => canonicalName(key) === path[1]);
  return written === undefined ? path : ['collectors', written, ...path.slice(2)];
}
