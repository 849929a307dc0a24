/** Short-lived thread that reads command line, configuration and catalog; what it has loaded for that ends with it. */
import { parentPort, workerData } from 'node:worker_threads';
import { readConfiguration } from '../src/cli/configuration.ts';
import { type ConfigurationAnswer, type ConfigurationTask, toAnswer } from '../src/cli/configuration-task.ts';
import { HuatuoError } from '../src/error.ts';

const { argv, isReload } = workerData as ConfigurationTask;

async function answer(): Promise<ConfigurationAnswer> {
  try {
    return toAnswer(await readConfiguration(argv, { isReload }));
  } catch (error) {
    // Any other is a fault of the agent itself, and ends the thread with it.
    if (!(error instanceof HuatuoError)) throw error;
    return { type: 'refused', error: HuatuoError.toWire(error) };
  }
}

parentPort?.postMessage(await answer());
