/** Thread that reads symbol tables, one task after the other; it is started when one is needed and ended when it rests. */
import { parentPort } from 'node:worker_threads';
import { runSymbolTask, type SymbolReply, type SymbolTask } from '../src/decoder/symbol-tasks.ts';

parentPort?.on('message', (task: SymbolTask) => {
  const before = process.threadCpuUsage();
  const answer = runSymbolTask(task);
  const { user, system } = process.threadCpuUsage(before);
  parentPort?.postMessage({ answer, cpu_us: user + system } satisfies SymbolReply);
});
