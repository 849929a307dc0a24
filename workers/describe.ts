/** Short-lived thread that imports one collector's module and says what it is. */
import { pathToFileURL } from 'node:url';
import { parentPort, workerData } from 'node:worker_threads';
import { type Described, describeExport } from '../src/catalog/description.ts';

const exit = process.exit;

async function describe(): Promise<Described> {
  try {
    const module = (await import(pathToFileURL(workerData as string).href)) as { readonly default?: unknown };
    return { type: 'described', json: describeExport(module.default) };
  } catch (error) {
    return { type: 'failed', reason: error instanceof Error ? error.message : String(error) };
  }
}

parentPort?.postMessage(await describe());
// Timers and sockets of the module would keep the thread alive.
exit(0);
