/** Short-lived thread that reads `web.config_file`: what that takes (YAML, its schema) ends with it. */
import { parentPort, workerData } from 'node:worker_threads';
import { readWebFile } from '../src/config/web-file.ts';
import { HuatuoError } from '../src/error.ts';
import type { WebFileAnswer } from '../src/web/web-file-follower.ts';

function answer(): WebFileAnswer {
  try {
    return { type: 'read', file: readWebFile(workerData as string) };
  } catch (error) {
    return { type: 'refused', error: HuatuoError.toWire(error) };
  }
}

parentPort?.postMessage(answer());
