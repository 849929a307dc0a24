/** Thread of the Prometheus actor: answers the supervisor on `control`, and asks it there. */
import { type MessagePort, workerData } from 'node:worker_threads';
import { settleThread } from '../src/actor/collect-garbage.ts';
import { expose, wrap } from '../src/actor/rpc.ts';
import { createLog } from '../src/log.ts';
import { Prometheus, type PrometheusOptions, type SupervisorApi } from '../src/web/actor.ts';

/** What the supervisor starts this thread with; `control` must be in the transfer list. */
export interface PrometheusData {
  readonly options: PrometheusOptions;
  /**
   * The supervisor wraps the other end as `PrometheusControl` and exposes `SupervisorApi` on it. The thread ends when
   * it has closed (`PrometheusControl.close`) and the port is closed.
   */
  readonly control: MessagePort;
  /** Its first Int32 rises by one each second while this thread's loop turns. */
  readonly heartbeat?: SharedArrayBuffer;
}

const { options, control, heartbeat } = workerData as PrometheusData;

settleThread();
const log = createLog({ component: 'prometheus', ...options.log });
expose(new Prometheus(options, wrap<SupervisorApi>(control), log), control);

if (heartbeat) {
  const beats = new Int32Array(heartbeat, 0, 1);
  setInterval(() => Atomics.add(beats, 0, 1), 1000).unref();
}
