/** Thread of one tracing or BPF metric collector. */
import { workerData } from 'node:worker_threads';
import type { CollectorWorkerData } from '../src/actor/collector-protocol.ts';
import { settleThread } from '../src/actor/settle.ts';
import { loadModule } from '../src/collector/module.ts';
import { CollectorRuntime } from '../src/collector/runtime.ts';

const data = workerData as CollectorWorkerData;
new CollectorRuntime(data, await loadModule(data)).run();
settleThread();
