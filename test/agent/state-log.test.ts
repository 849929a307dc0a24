import assert from 'node:assert/strict';
import { describe, type TestContext, test } from 'node:test';
import type { ActorState, ActorStatus } from '../../src/actor/state.ts';
import { StateLog } from '../../src/agent/state-log.ts';
import type { Log } from '../../src/sdk/context.ts';

const INTERVAL_MS = 10_000;

function recorder(): { readonly log: Log; readonly lines: string[] } {
  const lines: string[] = [];
  const at =
    (level: keyof Log) =>
    (message: string, detail: { readonly suppressed?: number } = {}): void => {
      lines.push(`${level} ${message}${detail.suppressed === undefined ? '' : ` +${detail.suppressed}`}`);
    };
  return { log: { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') }, lines };
}

function status(state: ActorState): ActorStatus {
  return { name: 'oom', role: 'collector', state, restarts: 1, since: '2026-01-01T00:00:00Z' };
}

function crashes(states: StateLog, count: number): void {
  for (let crash = 0; crash < count; crash++)
    for (const state of ['restarting', 'running'] as const) states.write(status(state), true);
}

describe('the log of states', () => {
  test('a crash loop is two lines and their repetitions', (t: TestContext) => {
    t.mock.timers.enable({ apis: ['setInterval'] });
    const { log, lines } = recorder();
    using states = new StateLog(log, false);
    crashes(states, 100);
    assert.deepEqual(lines, ['warn oom is restarting', 'info oom is running']);
    t.mock.timers.tick(INTERVAL_MS);
    assert.deepEqual(lines.slice(2).sort(), ['info oom is running +99', 'warn oom is restarting +99']);
  });

  test('who works at intervals is told of once', () => {
    const { log, lines } = recorder();
    using states = new StateLog(log, true);
    for (const state of ['running', 'waiting', 'running', 'restarting', 'running'] as const)
      states.write(status(state), true);
    const levels = lines.map((line) => line.split(' ', 1)[0]);
    assert.deepEqual(levels, ['info', 'debug', 'debug', 'warn', 'info']);
  });

  test('how a loop ends is always written', (t: TestContext) => {
    t.mock.timers.enable({ apis: ['setInterval'] });
    const { log, lines } = recorder();
    using states = new StateLog(log, false);
    for (const state of ['failed', 'failed', 'unsupported'] as const) states.write(status(state), true);
    assert.deepEqual(lines, ['error oom is failed', 'error oom is failed', 'error oom is unsupported']);
  });

  test('a reason that many collectors have is written out once', () => {
    const { log, lines } = recorder();
    using states = new StateLog(log, false);
    const reason = { code: 'PERMISSION_DENIED', message: 'not root', remedy: 'sudo' } as const;
    for (const name of ['oom', 'softirq', 'oom'])
      states.write({ ...status('unsupported'), name, reason }, true);
    assert.deepEqual(lines, [
      'error oom is unsupported',
      'warn softirq is unsupported, as oom is',
      'error oom is unsupported',
    ]);
  });

  test('a start that fails is one line, which is not here', () => {
    const { log, lines } = recorder();
    using states = new StateLog(log, false);
    const reason = { code: 'PORT_IN_USE', message: 'taken', remedy: 'another one' } as const;
    states.write(status('running'), false);
    states.write({ ...status('restarting'), reason }, false);
    states.write(status('stopped'), false);
    assert.deepEqual(
      lines.map((line) => line.split(' ', 1)[0]),
      ['debug', 'debug', 'debug'],
    );
    states.write({ ...status('restarting'), reason: { ...reason, code: 'COLLECTOR_FAILED' } }, false);
    states.write({ ...status('restarting'), reason }, true);
    assert.deepEqual(lines.slice(3), ['warn oom is restarting']);
  });

  test('who wants every line gets it', () => {
    const { log, lines } = recorder();
    using states = new StateLog(log, true);
    crashes(states, 3);
    assert.equal(lines.length, 6);
  });
});
