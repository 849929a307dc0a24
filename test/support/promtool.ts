/** Prometheus' own opinion of a page, where its `promtool` is installed. */
import { spawnSync } from 'node:child_process';
import { isForcedName } from './promlint.ts';

/** @returns the lines of `promtool check metrics` but those about names that existing dashboards force; none without promtool */
export function promtoolComplaints(page: string): string[] {
  const { error, stdout, stderr } = spawnSync('promtool', ['check', 'metrics'], {
    input: page,
    encoding: 'utf8',
  });
  if (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
  const lines = `${stdout}${stderr}`.split('\n').filter((line) => line !== '');
  return lines.filter((line) => !isForcedName(line.split(' ', 1)[0] ?? ''));
}
