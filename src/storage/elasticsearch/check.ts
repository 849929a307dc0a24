/** What a server would say to this configuration, without changing anything there. */
import { type ShippingConfig, targetName } from './config.ts';
import { type Product, parse, Server } from './server.ts';
import { Setup, type SetupStep } from './setup.ts';
import type { Abilities } from './templates.ts';

export interface ServerCheck {
  readonly config: ShippingConfig;
  readonly host: string;
  readonly product: Product;
  readonly retention: Abilities['retention'];
  readonly steps: readonly SetupStep[];
  /** Privileges that the user does not have, as clauses. */
  readonly lacking: readonly string[];
  /** Whether the server tells about privileges. */
  readonly told: boolean;
}

/** The least with which everything works. */
const INDEX_PRIVILEGES = ['create_doc', 'auto_configure', 'read', 'maintenance'];

/** @throws Unavailable, Refused */
export async function checkServer(
  config: ShippingConfig,
  tracers: readonly string[],
  signal: AbortSignal,
): Promise<ServerCheck> {
  const server = new Server(config);
  try {
    const product = await server.product(signal);
    const setup = new Setup(server);
    const privileges = await lackingPrivileges(server, tracers, signal);
    const mayLook = !privileges?.some((clause) => clause.includes('manage_index_templates'));
    const steps = config.setup && mayLook ? await setup.plan(tracers, signal) : [];
    return {
      config,
      host: server.host,
      product,
      retention: setup.abilities?.retention ?? 'none',
      steps,
      lacking: privileges ?? [],
      told: privileges !== undefined,
    };
  } finally {
    server.close();
  }
}

/** @returns undefined when the server has no such question */
async function lackingPrivileges(
  server: Server,
  tracers: readonly string[],
  signal: AbortSignal,
): Promise<string[] | undefined> {
  const { setup, retention_days } = server.config;
  const cluster = [
    'monitor',
    ...(setup ? ['manage_index_templates'] : []),
    ...(setup && retention_days > 0 ? ['manage_ilm'] : []),
  ];
  const names = tracers.map((tracer) => targetName(server.config, tracer));
  const reply = await server.send({
    method: 'POST',
    path: '/_security/user/_has_privileges',
    body: JSON.stringify({ cluster, index: [{ names, privileges: INDEX_PRIVILEGES }] }),
    signal,
  });
  if (reply.status === 401) throw server.refused('to know the user', reply);
  if (reply.status >= 300) return undefined;
  const answer = (parse(reply.body) ?? {}) as {
    cluster?: Record<string, boolean>;
    index?: Record<string, Record<string, boolean>>;
  };
  const missing = (rights: Record<string, boolean> = {}): string[] =>
    Object.entries(rights).flatMap(([name, has]) => (has ? [] : [name]));
  return [
    ...missing(answer.cluster).map((name) => `${name} on the cluster`),
    ...Object.entries(answer.index ?? {}).flatMap(([index, rights]) =>
      missing(rights).map((name) => `${name} on ${index}`),
    ),
  ];
}
