/** `huatuo containers`: what the running agent knows, or, when none answers, what can be read without one. */
import type { EffectiveConfig, WebConfig } from '../config/effective.ts';
import { ContainersActor } from '../containers/actor.ts';
import type { ContainerEntry, ContainersDocument } from '../containers/document.ts';
import { getJson } from '../containers/sources/http-json.ts';
import type { SourceStatus } from '../containers/sources/runner.ts';
import { HuatuoError } from '../error.ts';
import { formatTable } from './table.ts';

const DEADLINE_MS = 5000;

/**
 * Asks the agent on this host.
 * @returns undefined when no agent listens there, or it has a web.config_file: who may ask it over HTTP is decided there
 * @throws CONTAINER_SOURCE_FAILED when who listens there is no agent, or one in trouble
 */
export async function askAgent(web: WebConfig): Promise<ContainersDocument | undefined> {
  if (web.config_file !== '') return undefined;
  const { host, port } = reachable(web);
  try {
    const answer = await getJson({
      options: { host, port, path: '/api/v1/containers', tls: false },
      signal: AbortSignal.timeout(DEADLINE_MS),
      source: `the agent on ${host}:${port}`,
      what: 'the containers',
    });
    if (isDocument(answer)) return answer;
    throw new HuatuoError('CONTAINER_SOURCE_FAILED', {
      expected: `the containers from the agent on ${host}:${port}`,
      found: 'JSON of another shape',
      remedy: 'check web.listen_address: another program may listen there',
    });
  } catch (error) {
    const { cause } = error as { readonly cause?: { readonly code?: unknown } };
    if (cause?.code === 'ECONNREFUSED') return undefined;
    throw error;
  }
}

function isDocument(answer: unknown): answer is ContainersDocument {
  const { containers, status } = (answer ?? {}) as Partial<Record<keyof ContainersDocument, unknown>>;
  return Array.isArray(containers) && typeof status === 'object' && status !== null && 'sources' in status;
}

/** What one walk of the cgroup tree and one question to each source tell. @param note gets that no agent was asked */
export async function lookAround(
  config: EffectiveConfig,
  note: (text: string) => void,
): Promise<ContainersDocument> {
  const { host, port } = reachable(config.web);
  const reason =
    config.web.config_file === ''
      ? `no agent answers on ${host}:${port}`
      : `what answers on ${host}:${port} has a web.config_file and is not asked`;
  note(`${reason}; this is what can be seen without one`);
  const { procfs, sysfs } = config.path;
  const { keepClock } = await import('../kernel/clock-keeper.ts');
  keepClock();
  const silent = { debug: ignore, info: ignore, warn: ignore, error: ignore };
  const options = { config: config.containers, paths: { procfs, sysfs } };
  const actor = new ContainersActor(options, silent);
  try {
    await actor.asked();
    return actor.document();
  } finally {
    actor.close();
  }
}

function ignore(): void {}

/** An agent that listens everywhere listens on loopback too. */
function reachable({ host, port }: WebConfig): Pick<WebConfig, 'host' | 'port'> {
  return { host: host === '::' || host === '0.0.0.0' ? '127.0.0.1' : host, port };
}

/** A table of the containers, and a line for each source that failed. */
export function formatContainers({ containers, status }: ContainersDocument): string {
  const table = formatTable(
    ['NAME', 'ID', 'RUNTIME', 'POD', 'NAMESPACE', 'TYPE', 'QOS', 'PID', 'STARTED', 'IMAGE'],
    containers.map(row),
  );
  const notes = [
    ...(containers.length === 0 ? ['no containers'] : []),
    ...(status.reason === undefined ? [] : [`followed by ${status.followed_by}: ${status.reason}`]),
    ...status.sources.filter(({ state }) => state === 'failed').map(failure),
  ];
  return [table, ...notes].join('\n');
}

function row(container: ContainerEntry): string[] {
  const { name, id, runtime, podName, hostNamespace, type, qos, initPid, startTime, image } = container;
  const started = startTime?.slice(0, 19).replace('T', ' ') ?? '';
  const pid = initPid === undefined ? '' : String(initPid);
  const cells = [name, id.slice(0, 12), runtime, podName, hostNamespace, type, qos, pid, started, image];
  return cells.map((cell) => cell || '-');
}

function failure({ name, place, error }: SourceStatus): string {
  return `${name} (${place}) does not answer: ${error?.message ?? ''}`;
}
