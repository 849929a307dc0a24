/** A directory with a user's collector: C, TypeScript with types of its struct, of the SDK and of procfs. */
import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { at } from '../../src/paths.ts';

/** What is beside renamed.bpf.c. */
export const MODULE = `import { type Collector, counter, count, defineEvent, decimal } from 'huatuo/sdk';
import { readLoadAverage } from 'huatuo/procfs/loadavg';
import { renamed } from './generated/renamed.ts';

const collector: Collector = defineEvent({
  object: renamed,
  doc: 'Shows tasks that were renamed, and how busy the host was.',
  options: { least: count(0, 'Least process id') },
  metrics: { renamed: counter({ name: 'huatuo_renamed_tasks_total', help: 'Tasks that were renamed.' }) },
  document: { load1: decimal('Load average of the host over 1 minute') },
  enrich(event, { metrics, options, paths }) {
    if (event.pid >= options.least) metrics.renamed.add(1);
    return { ...event, load1: readLoadAverage(paths.procfs).load1 };
  },
});
export default collector;
`;

export class UserDirectory implements Disposable {
  readonly #root = mkdtempSync(join(tmpdir(), 'huatuo-user-'));
  readonly sources: string = join(this.#root, 'mine');
  readonly out: string = join(this.#root, 'built');

  constructor(module = MODULE) {
    this.write('renamed.ts', module);
    copyFileSync(at('test/fixtures/user/renamed.bpf.c'), join(this.sources, 'renamed.bpf.c'));
  }

  write(name: string, text: string): void {
    mkdirSync(this.sources, { recursive: true });
    writeFileSync(join(this.sources, name), text);
  }

  /**
   * `huatuo build`, as a shell starts it.
   * @param env e.g. a PATH with another Node
   */
  build(env: Readonly<Record<string, string>> = {}): {
    readonly status: number | null;
    readonly printed: string;
  } {
    const { status, stdout, stderr } = spawnSync(
      at('src/cli/huatuo'),
      ['build', this.sources, '--out', this.out],
      { encoding: 'utf8', cwd: this.#root, env: { ...process.env, ...env } },
    );
    return { status, printed: stdout + stderr };
  }

  [Symbol.dispose](): void {
    rmSync(this.#root, { recursive: true, force: true });
  }
}
