/** What the series of systemd units add to a scrape: two agents beside a hundred services, of which one shows units and one does not. */
import type { Row } from './report.ts';
import { measureInTurns, startAgent, Target } from './scrape-target.ts';
import { UnitCgroups } from './unit-cgroups.ts';
import { type BenchOptions, Workspace } from './workspace.ts';

const UNITS = 100;

export async function withUnits({ directory, progress }: BenchOptions): Promise<Row[]> {
  progress(`scrape: ${UNITS} systemd units`);
  using workspace = new Workspace(directory);
  using _cgroups = new UnitCgroups(UNITS);
  await using shows = await startAgent(workspace, 'units', []);
  await using hides = await startAgent(workspace, 'no-units', [], {
    containers: { units: { enabled: false } },
  });
  using stack = new DisposableStack();
  const [with_, without] = [shows, hides].map((agent) =>
    stack.use(new Target('', agent.pid, agent.url('/metrics'))),
  ) as [Target, Target];
  for (const target of [with_, without]) await target.warmUp();
  await measureInTurns([with_, without]);
  const [samples, cpu_ms] = [with_.samples - without.samples, with_.cpu_ms - without.cpu_ms];
  const each = `${(samples / UNITS).toFixed(0)} samples and ${((cpu_ms * 1000) / UNITS).toFixed(0)} µs of CPU a unit`;
  const latency = `${without.median_ms.toFixed(1)} → ${with_.median_ms.toFixed(1)} ms`;
  return [
    {
      name: `scrape, ${UNITS} systemd units`,
      measured: `${each}, ${((cpu_ms * 1000) / samples).toFixed(1)} µs for a sample; a page in ${latency}`,
      verdict: 'info',
    },
  ];
}
