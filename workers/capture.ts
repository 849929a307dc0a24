/** Thread of one capture of an autotracer. */
import { pathToFileURL } from 'node:url';
import { workerData } from 'node:worker_threads';
import { type CaptureWorkerData, runCapture } from '../src/collector/capture.ts';
import type { AnyAutotracer } from '../src/sdk/collector.ts';

const exit = process.exit;
const data = workerData as CaptureWorkerData;
const module = (await import(pathToFileURL(data.modulePath).href)) as { readonly default: AnyAutotracer };
await runCapture(data, module.default);
// Timers and sockets of the capture would keep the thread alive.
exit(0);
