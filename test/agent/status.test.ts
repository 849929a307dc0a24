import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ActorState, ActorStatus } from '../../src/actor/state.ts';
import { type AgentParts, describeAgent } from '../../src/agent/status.ts';

function actor(state: ActorState): ActorStatus {
  return { name: 'oom', role: 'collector', state, restarts: 0, since: '2026-01-01T00:00:00Z' };
}

const CASES: readonly (readonly [AgentParts['phase'], ActorState, isTroubled: boolean, state: string])[] = [
  ['up', 'running', false, 'ready'],
  ['up', 'running', true, 'degraded'],
  ['up', 'failed', false, 'degraded'],
  ['up', 'disabled', false, 'ready'],
  ['up', 'starting', true, 'starting'],
  ['starting', 'running', true, 'starting'],
  ['stopping', 'failed', true, 'stopping'],
];
for (const [phase, state, isTroubled, expected] of CASES)
  test(`${phase}, an actor ${state}, ${isTroubled ? 'a journal in trouble' : 'no trouble'}: ${expected}`, () => {
    const identity = { hostname: 'h', region: 'r', bootId: 'b' };
    const parts = { phase, actors: [actor(state)], identity, startedAt: new Date(0), isTroubled };
    assert.equal(describeAgent(parts).state, expected);
  });

test('what this kernel has not does not trouble it, what it refuses does', () => {
  const state = (code: 'KERNEL_FEATURE_MISSING' | 'VERIFIER_REFUSED'): string => {
    const unsupported: ActorStatus = {
      ...actor('unsupported'),
      reason: { code, message: 'no bonds', remedy: 'none' },
    };
    const identity = { hostname: 'h', region: 'r', bootId: 'b' };
    const parts = {
      phase: 'up',
      actors: [unsupported],
      identity,
      startedAt: new Date(0),
      isTroubled: false,
    } as const;
    return describeAgent(parts).state;
  };
  assert.equal(state('KERNEL_FEATURE_MISSING'), 'ready');
  assert.equal(state('VERIFIER_REFUSED'), 'degraded');
});
