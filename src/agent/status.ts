/** The agent's state as data, composed from its parts. */
import { release } from 'node:os';
import { type ActorState, type ActorStatus, statusError } from '../actor/state.ts';
import type { AgentIdentity } from '../decoder/envelope.ts';
import type { HuatuoError } from '../error.ts';
import type { CollectorKind } from '../sdk/collector.ts';
import { version } from '../version.ts';
import type { AgentState, AgentStatus } from '../web/status.ts';

const HEALTHY: ReadonlySet<ActorState> = new Set<ActorState>([
  'running',
  'sampling',
  'capturing',
  'waiting',
  'disabled',
  'stopped',
]);
const STARTED_AT = new Date().toISOString();

export function describeAgent(
  phase: 'starting' | 'up' | 'stopping',
  actors: readonly ActorStatus[],
  identity: AgentIdentity,
  startedAt: Date,
): AgentStatus {
  return {
    version,
    started_at: startedAt.toISOString(),
    state: agentState(phase, actors),
    node: process.version,
    kernel: release(),
    hostname: identity.hostname,
    region: identity.region,
    pid: process.pid,
  };
}

/** `ready` when all is well, `degraded` when an actor is not; a restarting actor does not make the agent start again. */
function agentState(phase: 'starting' | 'up' | 'stopping', actors: readonly ActorStatus[]): AgentState {
  if (phase !== 'up') return phase;
  if (actors.some(({ state, restarts }) => state === 'starting' && restarts === 0)) return 'starting';
  return actors.every(({ state }) => HEALTHY.has(state)) ? 'ready' : 'degraded';
}

/** Status of a collector that has no actor: switched off, or broken beyond starting. */
export function setAside(
  name: string,
  state: 'disabled' | 'unsupported',
  { error, kind }: { readonly error?: HuatuoError; readonly kind?: CollectorKind },
): ActorStatus {
  return {
    name,
    role: 'collector',
    ...(kind && { kind }),
    state,
    ...(error && { reason: statusError(error) }),
    restarts: 0,
    since: STARTED_AT,
  };
}
