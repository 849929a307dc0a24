/** The command `run`: its configuration comes from a thread of its own, while this one loads the agent. */
import { Worker } from 'node:worker_threads';
import type { CheckedConfig } from '../agent/reload.ts';
import { askThread } from '../ask-thread.ts';
import { at } from '../paths.ts';
import { type ConfigurationAnswer, type ConfigurationTask, fromAnswer } from './configuration-task.ts';
import type { HeldSignals } from './early-signals.ts';

/** A file has at most 1 MiB, a directory hundreds of manifests. */
const LIMITS = { maxOldGenerationSizeMb: 256, maxYoungGenerationSizeMb: 8, stackSizeMb: 4 };
/** A directory of collectors may have hundreds of modules to be described. */
const READ_MS = 120_000;

/**
 * Runs the agent until it is stopped.
 * @param held signals, until there is someone to take them
 * @returns the exit code
 * @throws HuatuoError USAGE, CONFIG_INVALID, CONFIG_UNREADABLE
 */
export async function startAgent(argv: readonly string[], held: HeldSignals): Promise<number> {
  const [checked, { runAgent }] = await Promise.all([
    read({ argv, isReload: false }),
    import('../agent/run.ts'),
  ]);
  const ended = runAgent(checked, () => reread(argv));
  // The agent listens now.
  held.release();
  return await ended;
}

/** What `huatuo check` refuses cannot replace what works. @throws HuatuoError CONFIG_INVALID, CONFIG_UNREADABLE */
async function reread(argv: readonly string[]): Promise<CheckedConfig> {
  const checked = await read({ argv, isReload: true });
  // Loaded late: it is not needed for a start.
  const { requireFilters } = await import('./filters.ts');
  await requireFilters(checked.config, checked.catalog);
  return checked;
}

async function read(task: ConfigurationTask): Promise<CheckedConfig> {
  const options = { workerData: task, resourceLimits: LIMITS, name: 'configuration' };
  const worker = new Worker(at('dist/workers/configuration.js'), options);
  return fromAnswer(await askThread<ConfigurationAnswer>(worker, READ_MS, 'the configuration'));
}
