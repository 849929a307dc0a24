/** workers/collector.ts as the compiler left it, with a module for each file. */
import { workerData } from 'node:worker_threads';
import type { CollectorWorkerData } from '../../src/collector/protocol.ts';
import { CollectorRuntime, loadModule } from '../../src/collector/runtime.ts';

const data = workerData as CollectorWorkerData;
new CollectorRuntime(data, await loadModule(data)).run();
