/** BPF objects that captures load when they begin: that an autotracer is supported says nothing of them. */
import { readdirSync } from 'node:fs';
import type { EffectiveConfig } from '../config/effective.ts';
import { agentObject } from '../kernel/agent-object.ts';
import { probeHost } from '../kernel/features.ts';
import { inspect } from '../kernel/inspect.ts';
import { at } from '../paths.ts';
import { refusalLine } from './refusal-line.ts';

const OBJECT = '.bpf.o';
/** That of the thread `containers`, which walks where it cannot have it. */
const NOT_OF_CAPTURES = 'cgroups';

/**
 * Has the kernel look at each of them, one after the other; attaches nothing.
 * @returns a sentence for each that this kernel refuses; none where the reason is that of every collector
 */
export async function refusedCaptures({ path }: EffectiveConfig): Promise<string[]> {
  if (probeHost(path)) return [];
  const refused: string[] = [];
  for (const file of readdirSync(at('dist/agent')).sort()) {
    const name = file.slice(0, -OBJECT.length);
    if (!file.endsWith(OBJECT) || name === NOT_OF_CAPTURES) continue;
    const { error } = await inspect({ ...agentObject(name), options: {}, paths: path });
    if (error) refused.push(`captures of autotracers go without ${name}: ${refusalLine(error.message)}`);
  }
  return refused;
}
