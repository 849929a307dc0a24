/** Why a worker ended, as an error with a code. */
import { HuatuoError } from '../error.ts';

/** The thread is gone and nobody said why. */
export function unexpectedExit(name: string, code: number): HuatuoError {
  return new HuatuoError('WORKER_EXITED', {
    expected: `${name} to run until it is stopped`,
    found: `its thread ended with code ${code}`,
    remedy: 'it is restarted; look for process.exit() in the collector',
  });
}

export function hung(name: string, patience_ms: number, silent_ms: number): HuatuoError {
  return new HuatuoError('WORKER_HUNG', {
    expected: `a heartbeat of ${name} within ${patience_ms} ms`,
    found: `none for ${Math.round(silent_ms)} ms`,
    remedy:
      'it is replaced; if it comes back, look for a loop or a call that never returns in this collector',
  });
}

/** An error event carries a clone: own properties such as `code` survive, the class does not. */
export function reviveError(thrown: unknown): HuatuoError {
  if (thrown instanceof Error && 'remedy' in thrown && 'code' in thrown) {
    const { code, message, remedy, stack } = thrown as HuatuoError;
    return HuatuoError.fromWire({ code, message, remedy, ...(stack && { stack }) });
  }
  const remedy = 'it is restarted; its stack is in the log at level debug';
  return HuatuoError.from(thrown, 'COLLECTOR_FAILED', remedy);
}
