/** What is wrong with a configuration: all of it at once, each with its position. */
import { HuatuoError } from '../error.ts';

export interface ConfigIssue {
  /** File as the user named it, or the flag. */
  readonly source: string;
  /** From 1; absent when the fault lies in a flag or in the file as a whole. */
  readonly line?: number;
  readonly column?: number;
  /** `collectors.oom.cpu.nice`; empty for faults of the file as a whole. Not printed for a flag, which says it. */
  readonly path: string;
  readonly found: string;
  readonly expected: string;
  readonly suggestion?: string;
}

/** More are not shown: a file of another kind would fill the screen. */
const MAX_ISSUES = 50;

const KEYS = '`huatuo check --default` prints every key with its description';

interface ConfigErrorDetail {
  readonly cause?: unknown;
  readonly remedy?: string;
}

/** CONFIG_INVALID with its list; the message has one line for each. */
export class ConfigError extends HuatuoError {
  /** By line and column; at most 50. */
  readonly issues: readonly ConfigIssue[];

  /** @param remedy in place of where the keys of the agent's own file are described */
  constructor(issues: readonly ConfigIssue[], { cause, remedy = KEYS }: ConfigErrorDetail = {}) {
    const sorted = issues.toSorted(byPosition);
    const shown = sorted.slice(0, MAX_ISSUES);
    const lines = shown.map(formatIssue);
    if (sorted.length > shown.length) lines.push(`and ${sorted.length - shown.length} more`);
    const count = sorted.length === 1 ? '1 problem' : `${sorted.length} problems`;
    super('CONFIG_INVALID', { found: count, remedy, cause });
    this.message = `${count} in the configuration:\n${lines.join('\n')}\n${remedy}`;
    this.issues = shown;
  }
}

/** One line: `huatuo.yaml:3:9: log.level: found "loud", expected debug, info, warn or error`. */
function formatIssue(issue: ConfigIssue): string {
  const position = issue.line === undefined ? '' : `:${issue.line}:${issue.column}`;
  const path = issue.path === '' || position === '' ? '' : ` ${issue.path}:`;
  const hint = issue.suggestion === undefined ? '' : `; did you mean ${issue.suggestion}?`;
  return `${issue.source}${position}:${path} found ${issue.found}, expected ${issue.expected}${hint}`;
}

function byPosition(a: ConfigIssue, b: ConfigIssue): number {
  return (a.line ?? 0) - (b.line ?? 0) || (a.column ?? 0) - (b.column ?? 0);
}
