/** What every service's thread does first: takes its data, and answers the supervisor's heartbeat. */
import { type MessagePort, workerData } from 'node:worker_threads';
import { createLog, type LogConfig } from '../log.ts';
import type { Log } from '../sdk/context.ts';
import { answerHeartbeat } from './heartbeat.ts';
import { useSmallBuffers } from './small-buffers.ts';

/** `workerData` of a service's worker; `control` must be in the transfer list. */
export interface ServiceData<Options> {
  /** Of the actor, the worker's file and the thread. */
  readonly name: string;
  readonly options: Options;
  /** The supervisor's end wraps the service's control and answers what the service may ask. The thread ends when it is closed. */
  readonly control: MessagePort;
  readonly log: LogConfig;
  /** `ActorStats` of this actor. */
  readonly stats: SharedArrayBuffer;
}

interface ServiceThread<Options> {
  readonly options: Options;
  readonly control: MessagePort;
  readonly log: Log;
}

/** To be called once, at the top of `workers/<service>.ts`. */
export function startServiceThread<Options>(): ServiceThread<Options> {
  useSmallBuffers();
  const { name, options, control, log, stats } = workerData as ServiceData<Options>;
  answerHeartbeat(stats);
  return { options, control, log: createLog({ component: name, ...log }) };
}
