/** Thread that reads symbol tables, one task after the other; it is started when one is needed and ended when it rests. */
import { parentPort } from 'node:worker_threads';
import { runSymbolTask, type SymbolTask } from '../src/decoder/symbol-tasks.ts';

parentPort?.on('message', (task: SymbolTask) => parentPort?.postMessage(runSymbolTask(task)));
