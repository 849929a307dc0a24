/** What each replaced worker costs the process: of the agent, and of plain Node with and without the agent's modules. */
import { fork } from 'node:child_process';
import { on, once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { AgentProcess } from '../support/agent.ts';
import { FLOOD_CONFIG } from '../support/flood.ts';
import { FailingCollector } from './collectors.ts';
import { TIRELESS } from './crashes.ts';
import { type Footprint, footprint } from './footprint.ts';

/** Footprints after 0, `every`, 2 `every` … ended workers. */
export type Growth = readonly Footprint[];

/**
 * Crashes of a collector's worker, one after the other, without any event.
 * @param measure called with the number of crashes so far
 */
export async function crashesOfAgent(
  crashes: number,
  every: number,
  measure: (agent: AgentProcess, crashes: number) => Footprint | Promise<Footprint> = ({ pid }) =>
    footprint(pid),
): Promise<Growth> {
  using collector = await FailingCollector.build();
  await using agent = await AgentProcess.start({
    collectors: collector.path,
    only: ['flood'],
    env: collector.env,
    deadline_ms: 60_000 + crashes * 2000,
    config: { supervisor: TIRELESS, collectors: { flood: FLOOD_CONFIG } },
  });
  const growth: Footprint[] = [];
  for (let crash = 0; crash <= crashes; crash++) {
    await agent.until(`life ${crash}`, async () => {
      const { restarts, state } = await agent.actor('flood');
      return restarts === crash && state === 'running';
    });
    if (crash % every === 0) growth.push(await measure(agent, crash));
    if (crash < crashes) collector.fail('throw');
  }
  return growth;
}

/** @param kind what each worker does before it throws, see worker-lives.ts */
export async function livesOfWorkers(kind: string, lives: number, every: number): Promise<Growth> {
  const script = fileURLToPath(new URL('worker-lives.js', import.meta.url));
  const child = fork(script, [kind, String(lives), String(every)]);
  const ended = once(child, 'exit');
  const growth: Footprint[] = [];
  for await (const _ of on(child, 'message', { close: ['disconnect'] })) {
    growth.push(footprint(child.pid ?? 0));
    child.send('go on');
  }
  const [code] = (await ended) as [number | null];
  if (code !== 0) throw new Error(`worker-lives ended with code ${code}`);
  return growth;
}
