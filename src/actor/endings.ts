/** Why a thread has ended, or is ended: what the actor tells (worker-actor.ts). */
import { HuatuoError } from '../error.ts';
import { addressSpaceLimit } from '../procfs/own-limits.ts';

/** The thread is gone and has not said why. */
export function unexpectedExit(name: string, code: number): HuatuoError {
  return new HuatuoError('WORKER_EXITED', {
    expected: `${name} to run until it is stopped`,
    found: `its thread ended with code ${code}`,
    remedy: 'it is restarted; look for process.exit() in the collector',
  });
}

/** A thread that runs has not answered for too long. */
export function hung(name: string, patience_ms: number, silent_ms: number): HuatuoError {
  return new HuatuoError('WORKER_HUNG', {
    expected: `a heartbeat of ${name} within ${patience_ms} ms`,
    found: `none for ${Math.round(silent_ms)} ms`,
    remedy:
      'it is replaced; if it comes back, look for a loop or a call that never returns in this collector',
  });
}

/** A thread has not said in time that it works. */
export function slowToStart(name: string, patience_ms: number): HuatuoError {
  return new HuatuoError('WORKER_HUNG', {
    expected: `${name} to have started after ${patience_ms} ms`,
    found: 'its thread is busy with something else, or hangs',
    remedy: 'it is replaced; on a very slow host raise supervisor.start_timeout',
  });
}

/** A thread does not end that is told to. */
export function stuck(name: string): HuatuoError {
  return new HuatuoError('WORKER_HUNG', {
    expected: `the thread of ${name} to end`,
    found: 'that it is stuck in a system call',
    remedy: 'it is replaced as soon as that returns; look for a disk, or a file system, that hangs',
  });
}

/** An error event carries a clone: own properties such as `code` survive, the class does not. */
export function reviveError(thrown: unknown): HuatuoError {
  if (thrown instanceof Error && 'remedy' in thrown && 'code' in thrown) {
    const { code, message, remedy, stack } = thrown as HuatuoError;
    return HuatuoError.fromWire({ code, message, remedy, ...(stack && { stack }) });
  }
  // V8 reserves far more addresses than it uses; where there are none left it says that the heap is full.
  const remedy =
    (thrown as NodeJS.ErrnoException | null)?.code === 'ERR_WORKER_OUT_OF_MEMORY' &&
    addressSpaceLimit() !== undefined
      ? 'raise the limit of address space of the agent, of which each thread takes much: ulimit -v, or LimitAS= of its service'
      : 'it is restarted; its stack is in the log at level debug';
  return HuatuoError.from(thrown, 'COLLECTOR_FAILED', remedy);
}
