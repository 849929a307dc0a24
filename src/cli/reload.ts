/** `huatuo reload`: tells the agent that runs with this configuration to read it again. */
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { text } from 'node:stream/consumers';
import {
  REQUEST,
  type ReloadAnswer,
  type ReloadPlace,
  reloadSocketPath,
  shortPath,
} from '../agent/reload-protocol.ts';
import { HuatuoError } from '../error.ts';

/** Collectors that are replaced are drained first, and threads are started. */
const DEADLINE_MS = 120_000;
const LOOK_MS = 2_000;

/**
 * @returns what changed
 * @throws why the agent keeps the old configuration; AGENT_UNREACHABLE when there is none, or not for this user
 */
export async function reloadAgent(config: ReloadPlace): Promise<string> {
  const path = reloadSocketPath(config);
  const answer = await ask(path).catch((cause: NodeJS.ErrnoException) => {
    throw unreachable(path, cause);
  });
  if (answer.type === 'refused') throw HuatuoError.fromWire(answer.error);
  return answer.message;
}

/** Whether an agent runs that this user may tell so. */
export async function isReloadable(config: ReloadPlace): Promise<boolean> {
  try {
    (await connected(reloadSocketPath(config), AbortSignal.timeout(LOOK_MS))).destroy();
    return true;
  } catch {
    return false;
  }
}

async function ask(path: string): Promise<ReloadAnswer> {
  const signal = AbortSignal.timeout(DEADLINE_MS);
  const socket = await connected(path, signal);
  try {
    socket.write(REQUEST);
    signal.addEventListener('abort', () => socket.destroy(signal.reason), { once: true });
    return JSON.parse(await text(socket)) as ReloadAnswer;
  } finally {
    socket.destroy();
  }
}

/** @throws the errno's error, or the signal's reason; then nothing is left of it */
async function connected(path: string, signal: AbortSignal): Promise<Socket> {
  using short = shortPath(path);
  const socket = connect(short.path);
  try {
    await once(socket, 'connect', { signal });
    return socket;
  } catch (error) {
    socket.destroy();
    throw error;
  }
}

function unreachable(path: string, cause: NodeJS.ErrnoException): HuatuoError {
  const denied = cause.code === 'EACCES' || cause.code === 'EPERM';
  const none = cause.code === 'ENOENT' || cause.code === 'ECONNREFUSED';
  return new HuatuoError('AGENT_UNREACHABLE', {
    expected: `an agent that answers on ${path}`,
    found: denied ? 'no permission' : none ? 'none' : cause.message,
    remedy: denied
      ? "run this as the agent's user, or let its group in with reload.access"
      : 'start it; where it runs with another journal.directory, name that with --journal.directory, or send it SIGHUP',
    cause,
  });
}
