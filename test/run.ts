/**
 * `npm test` after the build: every stage runs, whatever became of the one before.
 *
 *   unit     *.test.js            on any host, two files at a time
 *   kernel   *.kernel.test.js     root and BTF, one file at a time: they share one kernel; skipped where these are lacking
 *   server   *.server.test.js     a real Elasticsearch, one file at a time; skipped where Maven, a JDK or the network is lacking
 */
import console from 'node:console';
import { globSync } from 'node:fs';
import { join } from 'node:path';
import { run } from 'node:test';
import { spec } from 'node:test/reporters';
import { parseArgs } from 'node:util';

const USAGE = `Usage: npm test

Builds, runs the unit tests, then those that need the kernel, then those that need a real Elasticsearch. One stage alone:
npm run test:unit, npm run test:kernel; npm run test:elasticsearch is the last one with every server there is.
The exit code is 1 when any test of any stage failed.
`;

const KERNEL_TEST = '.kernel.test.js';
const SERVER_TEST = '.server.test.js';
const STAGES: Readonly<Record<string, { readonly concurrency: number; has(file: string): boolean }>> = {
  unit: { concurrency: 2, has: (file) => !file.endsWith(KERNEL_TEST) && !file.endsWith(SERVER_TEST) },
  kernel: { concurrency: 1, has: (file) => file.endsWith(KERNEL_TEST) },
  server: { concurrency: 1, has: (file) => file.endsWith(SERVER_TEST) },
};
const TEST_TIMEOUT_MS = 120_000;

interface StageResult {
  readonly stage: string;
  readonly pass: number;
  readonly fail: number;
  readonly skip: number;
  readonly seconds: number;
  /** How many were skipped for each reason; a suite that was skipped whole is one. */
  readonly reasons: ReadonlyMap<string, number>;
}

/** Runs the stage's files below `directory` and prints what they report. */
async function runStage(stage: string, directory: string, signal: AbortSignal): Promise<StageResult> {
  const { concurrency, has } = STAGES[stage]!;
  const files = globSync('**/*.test.js', { cwd: directory }).filter(has).sort();
  const reasons = new Map<string, number>();
  const result = { stage, pass: 0, fail: 0, skip: 0, seconds: 0, reasons };
  if (files.length === 0) throw new Error(`no ${stage} tests in ${directory}; run: npm run build`);
  console.log(`\n${stage}: ${files.length} files`);
  const events = run({
    files: files.map((file) => join(directory, file)),
    concurrency,
    timeout: TEST_TIMEOUT_MS,
    signal,
  });
  // The runner's own summary has no line for a suite that was skipped whole: its tests were never heard of.
  events.on('test:pass', ({ skip }) => {
    if (skip === undefined || skip === false) return;
    const reason = typeof skip === 'string' ? skip : 'no reason given';
    reasons.set(reason, (reasons.get(reason) ?? 0) + 1);
    result.skip += 1;
  });
  events.on('test:summary', ({ file, counts, success, duration_ms }) => {
    if (file !== undefined) return;
    result.pass = counts.passed;
    const failed = counts.tests - counts.passed - counts.skipped - counts.todo;
    result.fail = failed || Number(!success);
    result.seconds = Math.round(duration_ms / 1000);
  });
  for await (const text of events.compose(new spec())) process.stdout.write(text);
  return result;
}

function closingLines(results: readonly StageResult[]): string {
  const sum = (field: 'pass' | 'fail' | 'skip' | 'seconds'): number =>
    results.reduce((total, result) => total + result[field], 0);
  const total = {
    stage: 'total',
    pass: sum('pass'),
    fail: sum('fail'),
    skip: sum('skip'),
    seconds: sum('seconds'),
  };
  const lines = [...results, total].map(
    ({ stage, pass, fail, skip, seconds }) =>
      `${stage.padEnd(8)} pass ${pass}, fail ${fail}, skip ${skip}, ${seconds} s`,
  );
  const skipped = results.flatMap(({ stage, reasons }) =>
    [...reasons].map(([reason, count]) => `skipped in ${stage}: ${count}, ${reason}`),
  );
  return ['', ...skipped, ...lines].join('\n');
}

async function main(): Promise<number> {
  const { values, positionals } = parseArgs({
    options: {
      directory: { type: 'string', default: import.meta.dirname },
      help: { type: 'boolean', default: false },
    },
    allowPositionals: true,
  });
  const stages = positionals.length > 0 ? positionals : Object.keys(STAGES);
  if (values.help || !stages.every((stage) => Object.hasOwn(STAGES, stage))) {
    console.error(USAGE);
    return values.help ? 0 : 2;
  }
  const stop = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => stop.abort());
  const results: StageResult[] = [];
  for (const stage of stages) {
    if (!stop.signal.aborted) results.push(await runStage(stage, values.directory, stop.signal));
  }
  console.log(closingLines(results));
  return stop.signal.aborted || results.some(({ fail }) => fail > 0) ? 1 : 0;
}

process.exitCode = await main();
