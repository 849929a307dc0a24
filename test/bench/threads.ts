/** What a thread costs, and what each part of the agent's set-up (src/cli/become-agent.ts, src/build/bundle.ts) is worth. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { ENVIRONMENT, V8_FLAGS } from '../../src/cli/become-agent.ts';
import { at } from '../../src/paths.ts';
import type { Row } from './report.ts';
import { type BenchOptions, Workspace } from './workspace.ts';

/** Without it no thread collects, and all figures are those of garbage. */
const NEEDED = '--expose-gc';

interface SetUp {
  readonly name: string;
  readonly kind: 'bare' | 'collector';
  readonly flags: readonly string[];
  readonly env: Readonly<Record<string, string>>;
}

export async function benchThreads({ directory, progress }: BenchOptions): Promise<Row[]> {
  using workspace = new Workspace(directory);
  const rows: Row[] = [];
  for (const { name, kind, flags, env } of setUps()) {
    progress(`threads: ${name}`);
    const { stdout } = await promisify(execFile)(
      process.execPath,
      [...flags, at('dist/test/bench/threads-child.js'), kind, workspace.path],
      { env: { ...process.env, ...env } },
    );
    const [megabytes, cpu_ms] = stdout.split(' ').map(Number) as [number, number];
    const measured = `${megabytes.toFixed(2)} MB, ${cpu_ms.toFixed(0)} ms of CPU to start`;
    rows.push({ name: `thread, ${name}`, measured, verdict: 'info' });
  }
  return rows;
}

function setUps(): SetUp[] {
  const [flags, env] = [V8_FLAGS, ENVIRONMENT];
  const unset = { flags: [NEEDED], env: {} };
  return [
    { name: 'bare, as Node starts it', kind: 'bare', ...unset },
    { name: 'bare', kind: 'bare', flags, env },
    { name: 'collector, as Node starts it', kind: 'collector', ...unset },
    { name: 'collector', kind: 'collector', flags, env },
    ...flags
      .filter((flag) => flag !== NEEDED)
      .map((without): SetUp => {
        const others = flags.filter((flag) => flag !== without);
        return { name: `collector, without ${without}`, kind: 'collector', flags: others, env };
      }),
    { name: 'collector, without the environment', kind: 'collector', flags, env: {} },
    {
      name: 'collector, not bundled',
      kind: 'collector',
      flags,
      env: { ...env, ENTRY: at('dist/test/bench/plain-collector.js') },
    },
  ];
}
