/**
 * One capture in its thread, which is there for nothing else: journal and containers, the capture, its document. The entry
 * point is workers/capture.ts; the supervisor's half is src/agent/capture-run.ts.
 *
 *   module ──► capture, within its deadline ──► save ──► `captured` notice, the thread ends
 *                  └ throws, or takes too long: what triggered it is saved
 */
import { type MessagePort, parentPort } from 'node:worker_threads';
import { answerHeartbeat } from '../actor/heartbeat.ts';
import { expose, wrap } from '../actor/rpc.ts';
import { ActorStats } from '../actor/stats.ts';
import { threadId } from '../actor/thread.ts';
import { systemClock, usedCpu_us } from '../capture/clock.ts';
import { type Captured, captureDocument, triggerDocument } from '../capture/document.ts';
import { type CaptureRequest, unpackAlarm } from '../capture/request.ts';
import type { Outcome } from '../capture/tracer.ts';
import { baselineOf, type WatchMemory } from '../capture/watch.ts';
import { ContainersClient } from '../containers/client.ts';
import type { AgentIdentity } from '../decoder/envelope.ts';
import { HuatuoError, type WireError } from '../error.ts';
import { createLog, type LogConfig } from '../log.ts';
import type { ProfileCalls } from '../profile/protocol.ts';
import { withDeadline } from '../promises.ts';
import type { AnyAutotracer } from '../sdk/collector.ts';
import type { HostPaths, Log } from '../sdk/context.ts';
import { SharedState, type StateMemory } from '../sdk/shared-state.ts';
import { documentKind } from './context.ts';
import { CriticalLog } from './critical-log.ts';
import { JournalClient } from './journal-client.ts';
import { Saver } from './saver.ts';

/** `workerData` of workers/capture.ts. */
export interface CaptureWorkerData {
  readonly name: string;
  readonly modulePath: string;
  readonly options: Readonly<Record<string, unknown>>;
  readonly request: CaptureRequest;
  /** A worker before this one has not come back: what triggered the capture is written, and nothing captured. */
  readonly isSecond: boolean;
  /** `WatchMemory`: here are the baselines. */
  readonly watch: StateMemory;
  readonly agent: AgentIdentity;
  readonly paths: HostPaths;
  readonly containerWait_ms: number;
  readonly log: LogConfig;
  /** `ActorStats` of this capture, over both of its workers. */
  readonly stats: SharedArrayBuffer;
  /** As `CollectorWorkerData.saveOrigin`, of this capture. */
  readonly saveOrigin: string;
  /** Comlink: answers `CaptureControl`, and asks `ProfileCalls`. */
  readonly control: MessagePort;
}

/** Control calls, supervisor → capture. */
export interface CaptureControl {
  /** Takes a port to `journal` or `containers` into use. */
  connectTo(service: string, port: MessagePort): void;
  /** Gives the capture up; what is being saved has one try. The worker ends. */
  stop(): void;
}

/** Notices, capture → supervisor. The worker ends by itself after one of the last two. */
export type CaptureNotice =
  | { readonly type: 'thread'; readonly tid: number }
  | { readonly type: 'running' }
  /** A document is in the journal. `cpu_us`: what the thread has used. */
  | { readonly type: 'captured'; readonly outcome: Exclude<Outcome, 'failed'>; readonly cpu_us: number }
  /** There is no document, and why is counted. */
  | { readonly type: 'failed'; readonly error: WireError; readonly cpu_us: number };

/** A list of containers is worth this wait. */
const LISTED_MS = 1_000;

/** @param collector what the module exports */
export async function runCapture(data: CaptureWorkerData, collector: AnyAutotracer): Promise<void> {
  const stop = new AbortController();
  const journal = new JournalClient();
  const containers = new ContainersClient(data.containerWait_ms);
  answerHeartbeat(data.stats);
  expose(
    {
      connectTo(service, port) {
        if (service === 'journal') journal.connect(port);
        else if (service === 'containers') containers.connect(port);
        else port.close();
      },
      stop: () => stop.abort(),
    } satisfies CaptureControl,
    data.control,
  );
  notify({ type: 'thread', tid: threadId() });
  notify({ type: 'running' });
  const stats = new ActorStats(data.stats);
  const log = createLog({ component: data.name, ...data.log });
  const critical = new CriticalLog(log, collector.doc);
  const saver = new Saver({
    ...{ journal, stats, containers, agent: data.agent, signal: stop.signal, origin: data.saveOrigin },
    announce: (line) => critical.say([line], 1),
    document: documentKind({ name: data.name, kind: 'autotracing' }),
  });
  try {
    const outcome = await capture();
    notify({ type: 'captured', outcome, cpu_us: usedCpu_us() });
  } catch (error) {
    await saver.drained();
    notify({ type: 'failed', error: HuatuoError.toWire(error), cpu_us: usedCpu_us() });
  }

  async function capture(): Promise<Exclude<Outcome, 'failed'>> {
    // What the first worker had under way may have been written.
    await saver.drained();
    if (stats.get('saved_journalled') > 0n) return 'partial';
    const { document, isPartial } = await makeDocument(data, collector, {
      containers,
      log,
      stop: stop.signal,
    });
    await saver.save(document);
    return isPartial ? 'partial' : 'complete';
  }
}

async function makeDocument(
  data: CaptureWorkerData,
  collector: AnyAutotracer,
  { containers, log, stop }: { containers: ContainersClient; log: Log; stop: AbortSignal },
): Promise<Captured> {
  const alarm = unpackAlarm(data.request);
  if (data.isSecond) return triggerDocument(collector, alarm);
  await withDeadline(containers.listed, LISTED_MS, 'containers').catch(() => undefined);
  const baseline = baselineOf(new SharedState(data.watch).get<WatchMemory>());
  const { options, paths, control } = data;
  const sources = { baseline, profile: wrap<ProfileCalls>(control) };
  return captureDocument(collector, { options, paths, containers, log }, alarm, sources, {
    clock: systemClock,
    stop,
  });
}

function notify(notice: CaptureNotice): void {
  parentPort?.postMessage(notice);
}
