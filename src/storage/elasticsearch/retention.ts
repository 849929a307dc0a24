/**
 * Policies by which a server deletes old documents, where it has no lifecycle of data streams: ILM of Elasticsearch, which the shared
 * template names, and ISM of OpenSearch, which finds new indices by the patterns in the policy itself.
 */
import type { ShippingConfig } from './config.ts';
import type { Server } from './server.ts';
import { POLICY } from './templates.ts';

const ROLL_OVER = { age: '7d', size: '30gb' } as const;
const ISM_PATH = `/_plugins/_ism/policies/${POLICY}`;

/** @throws Unavailable; Refused, with status 400 when the server has no ILM */
export async function putIlmPolicy(server: Server, signal: AbortSignal): Promise<void> {
  const { retention_days } = server.config;
  const phases = {
    hot: { actions: { rollover: { max_age: ROLL_OVER.age, max_size: ROLL_OVER.size } } },
    delete: { min_age: `${retention_days}d`, actions: { delete: {} } },
  };
  await server.ask(`to take the lifecycle policy ${POLICY}`, {
    method: 'PUT',
    path: `/_ilm/policy/${POLICY}`,
    body: JSON.stringify({ policy: { phases } }),
    signal,
  });
}

/**
 * ISM replaces a policy only where its version is named, so it is asked for first.
 * @throws Unavailable; Refused, with status 400 when the server has no ISM, 409 when another agent was faster
 */
export async function putIsmPolicy(server: Server, signal: AbortSignal): Promise<void> {
  const found = await server.send({ method: 'GET', path: ISM_PATH, signal });
  if (found.status >= 400 && found.status !== 404)
    throw server.refused(`to show the ISM policy ${POLICY}`, found);
  const policy = ismPolicy(server.config);
  const version = found.status === 404 ? undefined : versionOf(found.body);
  if (version?.description === policy.description) return;
  const query = version ? `?if_seq_no=${version.seqNo}&if_primary_term=${version.primaryTerm}` : '';
  await server.ask(`to take the ISM policy ${POLICY}`, {
    method: 'PUT',
    path: `${ISM_PATH}${query}`,
    body: JSON.stringify({ policy }),
    signal,
  });
}

/** The description says all that our configuration decides, so two policies with one description are the same. */
function ismPolicy({ layout, retention_days }: ShippingConfig) {
  const stream = layout === 'data_stream';
  // The pattern of a data stream is compared with the stream's name, not with those of its backing indices.
  const patterns = [stream ? 'logs-huatuo.*' : 'huatuo-*'];
  return {
    description: `Documents of huatuo in ${patterns[0]}: deleted after ${retention_days} days`,
    default_state: 'hot',
    states: [
      {
        name: 'hot',
        // A plain index has no next one to roll over to.
        actions: stream ? [{ rollover: { min_index_age: ROLL_OVER.age, min_size: ROLL_OVER.size } }] : [],
        transitions: [{ state_name: 'delete', conditions: { min_index_age: `${retention_days}d` } }],
      },
      { name: 'delete', actions: [{ delete: {} }], transitions: [] },
    ],
    ism_template: [{ index_patterns: patterns, priority: 500 }],
  };
}

function versionOf(body: Buffer): {
  readonly seqNo: number;
  readonly primaryTerm: number;
  readonly description: unknown;
} {
  const { _seq_no, _primary_term, policy } = JSON.parse(body.toString('utf8')) as {
    _seq_no: number;
    _primary_term: number;
    policy?: { description?: unknown };
  };
  return { seqNo: _seq_no, primaryTerm: _primary_term, description: policy?.description };
}
