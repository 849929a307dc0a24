/**
 * What the agent's set-up of V8 and malloc (src/cli/become-agent.ts) costs its throughput: the same flood with it, and with the agent as
 * Node starts any program, in turns.
 */
import { rmSync } from 'node:fs';
import type { Launch } from './agent-process.ts';
import { comparisonRow } from './compare.ts';
import { floodedAgents, type Held, hold } from './flood.ts';
import { millions, type Row } from './report.ts';
import { type BenchOptions, Workspace } from './workspace.ts';

const RATE = 1e6;
const ROUNDS = 4;
const GOAL = 1.05;
/** Until V8 has optimised what a flood runs through. */
const WARM_UP_SECONDS = 2;

export async function benchFlags({ directory, flood_seconds, progress }: BenchOptions): Promise<Row[]> {
  using workspace = new Workspace(directory);
  const start = await floodedAgents(workspace);
  const run = async (launch: Launch): Promise<Held> => {
    progress(`flags: ${launch === 'own' ? 'with the flags' : 'as Node starts it'}`);
    try {
      await using agent = await start('sealed', launch);
      await hold(agent, 'sealed', RATE, WARM_UP_SECONDS, () => {});
      return await hold(agent, 'sealed', RATE, flood_seconds, progress);
    } finally {
      rmSync(`${workspace.path}/journal`, { recursive: true, force: true });
    }
  };
  const held: Record<Launch, Held[]> = { own: [], plain: [] };
  for (let round = 0; round < ROUNDS; round++) {
    const order: readonly Launch[] = round % 2 === 0 ? ['own', 'plain'] : ['plain', 'own'];
    for (const launch of order) held[launch].push(await run(launch));
  }
  const ratios = held.own.map(
    ({ agent_cpu_seconds }, round) => agent_cpu_seconds / held.plain[round]!.agent_cpu_seconds,
  );
  const lost = (launch: Launch): number => held[launch].reduce((sum, one) => sum + one.lost, 0);
  const row = comparisonRow(`flags, CPU of the agent at ${millions(RATE)} M/s`, ratios, GOAL);
  return [{ ...row, measured: `${row.measured}, ${lost('own')} and ${lost('plain')} lost` }];
}
