/** What the agent with every built-in collector costs while nothing happens and Prometheus scrapes. */
import { setTimeout as sleep } from 'node:timers/promises';
import { AgentProcess } from './agent-process.ts';
import { cpuSeconds, cpuSecondsByThread, resident, sleeps, usageBetween } from './proc-usage.ts';
import { atMost, type Row } from './report.ts';
import { type BenchOptions, Workspace } from './workspace.ts';

const CPU_GOAL_PERCENT = 0.25;
const WAKEUPS_GOAL = 25;
const RSS_GOAL_MB = 160;
const SCRAPE_INTERVAL_MS = 15_000;
/** Until then V8 still compiles what a scrape runs through, on threads of its own: half of the CPU time of a young agent. */
const WARM_UP_SCRAPES = 4;

export async function benchIdle({ directory, idle_seconds, progress }: BenchOptions): Promise<Row[]> {
  using workspace = new Workspace(directory);
  await using agent = await AgentProcess.start(workspace.path, {
    journal: { directory: `${workspace.path}/journal` },
  });
  progress(`idle: warming up for ${(WARM_UP_SCRAPES * SCRAPE_INTERVAL_MS) / 1000} s`);
  for (let scrape = 0; scrape < WARM_UP_SCRAPES; scrape++) {
    await agent.get('/metrics');
    await sleep(SCRAPE_INTERVAL_MS);
  }

  const before = cpuSecondsByThread(agent.pid);
  const beforeTotal = cpuSeconds(agent.pid);
  const beforeSleeps = sleeps(agent.pid);
  const start = performance.now();
  for (let left = idle_seconds * 1000; left > 0; left -= SCRAPE_INTERVAL_MS) {
    await agent.get('/metrics');
    await sleep(Math.min(left, SCRAPE_INTERVAL_MS));
  }
  const seconds = (performance.now() - start) / 1000;
  const percent = ((cpuSeconds(agent.pid) - beforeTotal) / seconds) * 100;
  const wakeups = (sleeps(agent.pid) - beforeSleeps) / seconds;
  const threads = usageBetween(before, cpuSecondsByThread(agent.pid));
  for (const [name, used] of threads)
    progress(`idle: ${name.padEnd(16)} ${((used / seconds) * 100).toFixed(2)} %`);

  const { total_bytes, anonymous_bytes, file_bytes } = resident(agent.pid);
  const [total, anonymous, file] = [total_bytes, anonymous_bytes, file_bytes].map((bytes) => bytes / 1e6) as [
    number,
    number,
    number,
  ];
  return [
    {
      name: 'idle, CPU',
      measured: `${percent.toFixed(2)} % of one core over ${Math.round(seconds)} s`,
      goal: `≤ ${CPU_GOAL_PERCENT} %`,
      ...atMost(percent, CPU_GOAL_PERCENT),
    },
    {
      name: 'idle, wake-ups',
      measured: `${wakeups.toFixed(1)} of its threads each second`,
      goal: `≤ ${WAKEUPS_GOAL}`,
      ...atMost(wakeups, WAKEUPS_GOAL),
    },
    {
      name: 'idle, RSS',
      measured: `${total.toFixed(0)} MB (anonymous ${anonymous.toFixed(0)}, files ${file.toFixed(0)})`,
      goal: `≤ ${RSS_GOAL_MB} MB`,
      ...atMost(total, RSS_GOAL_MB),
    },
  ];
}
