/** The agent's state as data, composed from its parts. */
import { release } from 'node:os';
import { type ActorStatus, isHealthy, statusError } from '../actor/state.ts';
import type { AgentIdentity } from '../decoder/envelope.ts';
import type { HuatuoError } from '../error.ts';
import type { CollectorKind } from '../sdk/collector.ts';
import { version } from '../version.ts';
import type { AgentState, AgentStatus } from '../web/status.ts';
import type { AgentPhase } from './lifecycle.ts';

const STARTED_AT = new Date().toISOString();

export interface AgentParts {
  readonly phase: AgentPhase;
  readonly actors: readonly ActorStatus[];
  readonly identity: AgentIdentity;
  readonly startedAt: Date;
  /** A service that the agent cannot do without does not get on. */
  readonly isTroubled: boolean;
}

export function describeAgent(parts: AgentParts): AgentStatus {
  const { identity, startedAt } = parts;
  return {
    version,
    started_at: startedAt.toISOString(),
    state: agentState(parts),
    node: process.version,
    kernel: release(),
    hostname: identity.hostname,
    region: identity.region,
    pid: process.pid,
  };
}

/** `ready` when all is well, `degraded` when an actor or its work is not; a restarting actor does not make the agent start again. */
function agentState({ phase, actors, isTroubled }: AgentParts): AgentState {
  if (phase === 'starting' || phase === 'stopping') return phase;
  if (actors.some(({ state, restarts }) => state === 'starting' && restarts === 0)) return 'starting';
  return !isTroubled && actors.every(isHealthy) ? 'ready' : 'degraded';
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
