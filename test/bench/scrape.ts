/**
 * What a scrape costs: the agent as it is shipped, with five collectors, and node_exporter, asked in turns in one run; what systemd units
 * add to that; then the agent with fifty thousand series of a user's collectors, and what another collector has of that.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { AgentProcess } from './agent-process.ts';
import { measureHeldUp, WRITER, writerCollector } from './held-up.ts';
import { NodeExporter } from './node-exporter.ts';
import { benchPageBounds } from './page-bounds.ts';
import { cpuNanoseconds, cpuSecondsByThread, resident, usageBetween } from './proc-usage.ts';
import { atMost, median, type Row } from './report.ts';
import { measureInTurns, REST_MS, ROUNDS, SCRAPES_PER_ROUND, startAgent, Target } from './scrape-target.ts';
import { withUnits } from './scrape-units.ts';
import { Scraper } from './scraper.ts';
import { type BenchOptions, Workspace } from './workspace.ts';

const FIVE = ['oom', 'softirq', 'runqlat', 'cpu_util', 'loadavg'];
const LARGE_COLLECTORS = 5;
const LARGE_SERIES = 10_000;

export async function benchScrape(options: BenchOptions): Promise<Row[]> {
  return [
    ...(await besideNodeExporter(options)),
    ...(await withUnits(options)),
    ...(await benchPageBounds()),
    ...(await manySeries(options)),
  ];
}

async function besideNodeExporter(options: BenchOptions): Promise<Row[]> {
  using workspace = new Workspace(options.directory);
  await using all = await startAgent(workspace, 'all', []);
  const only = FIVE.map((name) => `--collector.${name}`);
  await using five = await startAgent(workspace, 'five', ['--collector.disable-defaults', ...only]);
  await using exporter = await NodeExporter.start();
  using stack = new DisposableStack();
  const targets = [
    stack.use(new Target('all collectors', all.pid, all.url('/metrics'))),
    stack.use(new Target('5 collectors', five.pid, five.url('/metrics'))),
  ];
  const reference = exporter && stack.use(new Target('node_exporter', exporter.pid, exporter.url));
  if (reference) targets.push(reference);
  const rss = targets.map(({ pid }) => resident(pid).total_bytes);
  for (const target of targets) await target.warmUp();
  const threads = targets.map(({ pid }) => cpuSecondsByThread(pid));
  await measureInTurns(targets);
  return targets.flatMap((target, index) => {
    for (const [thread, used] of usageBetween(threads[index]!, cpuSecondsByThread(target.pid)))
      options.progress(
        `scrape: ${target.name}: ${thread.padEnd(16)} ${((used * 1000) / (ROUNDS * SCRAPES_PER_ROUND)).toFixed(2)} ms a scrape`,
      );
    return rowsOf(target, rss[index]!, target === reference ? undefined : reference);
  });
}

function rowsOf(target: Target, rss_before: number, reference: Target | undefined): Row[] {
  const { name, cpu_ms, samples, cpu_us_per_sample, p99_ms, median_ms } = target;
  const cpu = `${cpu_us_per_sample.toFixed(1)} µs for a sample (${cpu_ms.toFixed(1)} ms, ${samples} samples)`;
  const latency = `${p99_ms.toFixed(1)} ms (median ${median_ms.toFixed(1)})`;
  const rss = [rss_before, resident(target.pid).total_bytes].map((bytes) => (bytes / 1e6).toFixed(0));
  return [
    {
      name: `scrape, ${name}, CPU`,
      measured: cpu,
      ...(reference
        ? { goal: '≤ 0.5 × node_exporter', ...atMost(cpu_us_per_sample, reference.cpu_us_per_sample / 2) }
        : { verdict: 'info' }),
    },
    {
      name: `scrape, ${name}, p99`,
      measured: latency,
      ...(reference ? { goal: '≤ node_exporter', ...atMost(p99_ms, reference.p99_ms) } : { verdict: 'info' }),
    },
    {
      name: `scrape, ${name}, RSS`,
      measured: `${rss[0]} MB, after all scrapes ${rss[1]} MB`,
      verdict: 'info',
    },
  ];
}

/** A collector of files whose series all have other values at each scrape. */
const largeCollector = `import { defineMetric, gauge } from ${JSON.stringify(new URL('../../src/sdk/index.js', import.meta.url).href)};

let updates = 0;

export default defineMetric({
  doc: 'Has many series.',
  metrics: { value: gauge({ help: 'A value.', labels: ['container_name', 'container_id', 'device'] }) },
  maxSeries: ${LARGE_SERIES},
  update({ metrics }) {
    updates++;
    for (let index = 0; index < ${LARGE_SERIES}; index++)
      metrics.value.set(index * 1.5 + updates, {
        container_name: \`shop-web-\${index % 100}\`,
        container_id: String(index % 100).padStart(64, '0'),
        device: \`eth\${index}\`,
      });
  },
});
`;

async function manySeries(options: BenchOptions): Promise<Row[]> {
  using workspace = new Workspace(options.directory);
  options.progress(`scrape: ${LARGE_COLLECTORS} collectors of ${LARGE_SERIES} series`);
  const directory = join(workspace.path, 'large');
  mkdirSync(directory);
  const names = Array.from({ length: LARGE_COLLECTORS }, (_, index) => `large_${index}`);
  for (const name of names) writeFileSync(join(directory, `${name}.js`), largeCollector);
  writeFileSync(join(directory, `${WRITER}.js`), writerCollector);
  const journal = join(workspace.path, 'journal');
  await using agent = await AgentProcess.start(
    workspace.path,
    { journal: { directory: journal }, path: { collectors: [directory] } },
    ['--collector.disable-defaults', ...[...FIVE, ...names, WRITER].map((name) => `--collector.${name}`)],
  );
  const before = resident(agent.pid).total_bytes;
  const rows: Row[] = [];
  for (const [encoding, goal_ms] of [
    ['identity', 100],
    ['gzip', undefined],
  ] as const) {
    using scraper = new Scraper(agent.url('/metrics'), { 'accept-encoding': encoding });
    const latencies: number[] = [];
    let body = 0;
    const samples = await scraper.samples();
    const cpu_ns = cpuNanoseconds(agent.pid);
    for (let index = 0; index < SCRAPES_PER_ROUND; index++) {
      const scraped = await scraper.scrape();
      latencies.push(scraped.latency_ms);
      body = scraped.body.byteLength;
      await sleep(REST_MS);
    }
    const cpu_ms = (cpuNanoseconds(agent.pid) - cpu_ns) / 1e6 / SCRAPES_PER_ROUND;
    const middle = median(latencies);
    rows.push({
      name: `scrape, ${samples} samples, ${encoding}`,
      measured: `${middle.toFixed(0)} ms (worst ${Math.max(...latencies).toFixed(0)}), ${(body / 1e6).toFixed(1)} MB, ${cpu_ms.toFixed(0)} ms of CPU`,
      ...(goal_ms === undefined
        ? { verdict: 'info' }
        : { goal: `≤ ${goal_ms} ms`, ...atMost(middle, goal_ms) }),
    });
  }
  using scraper = new Scraper(agent.url('/metrics'));
  rows.push(...(await measureHeldUp(agent, journal, scraper)));
  const after = resident(agent.pid).total_bytes;
  const rss = `${(before / 1e6).toFixed(0)} MB, after all scrapes ${(after / 1e6).toFixed(0)} MB`;
  return [...rows, { name: 'scrape, many samples, RSS', measured: rss, verdict: 'info' }];
}
