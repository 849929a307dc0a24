/**
 * Puts our templates on a server: what is missing is made, what is older is upgraded, what is newer (another agent's) stays. An agent
 * that may not do this, or is told not to, ships all the same.
 */
import { type ShippingConfig, targetName } from './config.ts';
import { Refused } from './failure.ts';
import { putIlmPolicy, putIsmPolicy } from './retention.ts';
import type { Product, Server } from './server.ts';
import { type Abilities, SHARED_TEMPLATE, type Template, templates } from './templates.ts';

export interface SetupStep {
  readonly kind: Template['kind'] | 'policy';
  readonly name: string;
  /** Version there, if it is there. */
  readonly found: number | undefined;
  readonly wanted: number;
  readonly action: 'create' | 'upgrade' | 'keep' | 'leave newer';
}

export class Setup {
  readonly #server: Server;
  #abilities: Abilities | undefined;
  #shared = false;
  readonly #done = new Map<string, Promise<void>>();

  constructor(server: Server) {
    this.#server = server;
  }

  get abilities(): Abilities | undefined {
    return this.#abilities;
  }

  /** Sees to the templates of a tracer, once. @throws Unavailable, Refused */
  async ensure(tracer: string, signal: AbortSignal): Promise<void> {
    if (!this.#server.config.setup) return;
    const known = this.#done.get(tracer);
    if (known) return known;
    const made = this.apply([tracer], signal);
    this.#done.set(tracer, made);
    try {
      await made;
    } catch (error) {
      if (this.#done.get(tracer) === made) this.#done.delete(tracer);
      throw error;
    }
  }

  /** The server has lost something, or is another one: everything is looked at again. */
  forget(): void {
    this.#abilities = undefined;
    this.#shared = false;
    this.#done.clear();
  }

  /** What `apply` would do now. */
  async plan(tracers: readonly string[], signal: AbortSignal): Promise<SetupStep[]> {
    const abilities = await this.#find(signal);
    const steps: SetupStep[] = [];
    for (const template of templates(this.#server.config, tracers, abilities))
      steps.push(await this.#compare(template, signal));
    return steps;
  }

  async apply(tracers: readonly string[], signal: AbortSignal): Promise<void> {
    let abilities = await this.#find(signal);
    try {
      await this.#putAll(tracers, abilities, signal);
    } catch (error) {
      const lesser = error instanceof Refused && error.status === 400 ? reduce(abilities) : undefined;
      if (!lesser) throw error;
      // A server without the commercial part of the product: it says so by refusing.
      abilities = lesser;
      this.#abilities = lesser;
      await this.apply(tracers, signal);
    }
    this.#shared = true;
  }

  async #putAll(tracers: readonly string[], abilities: Abilities, signal: AbortSignal): Promise<void> {
    if (abilities.retention === 'ilm') await putIlmPolicy(this.#server, signal);
    if (abilities.retention === 'ism') await putIsmPolicy(this.#server, signal);
    let upgraded = false;
    for (const template of templates(this.#server.config, tracers, abilities)) {
      if (template.name === SHARED_TEMPLATE && this.#shared) continue;
      const { action } = await this.#compare(template, signal);
      if (action === 'create' || action === 'upgrade') await this.#put(template, signal);
      upgraded ||= action === 'upgrade';
    }
    if (upgraded && this.#server.config.layout === 'data_stream')
      for (const tracer of tracers) await this.#rollOver(tracer, signal);
  }

  async #find(signal: AbortSignal): Promise<Abilities> {
    this.#abilities ??= abilitiesOf(await this.#server.product(signal), this.#server.config);
    return this.#abilities;
  }

  async #compare(template: Template, signal: AbortSignal): Promise<SetupStep> {
    const { kind, name, version } = template;
    const reply = await this.#server.send({ method: 'GET', path: pathOf(template), signal });
    if (reply.status >= 400 && reply.status !== 404)
      throw this.#server.refused(`to show the template ${name}`, reply);
    const found = reply.status === 404 ? undefined : versionOf(reply.body, kind);
    const action =
      reply.status === 404
        ? 'create'
        : found === undefined || found < version
          ? 'upgrade'
          : found === version
            ? 'keep'
            : 'leave newer';
    return { kind, name, found, wanted: version, action };
  }

  async #put(template: Template, signal: AbortSignal): Promise<void> {
    await this.#server.ask(`to take the template ${template.name}`, {
      method: 'PUT',
      path: pathOf(template),
      body: JSON.stringify(template.body),
      signal,
    });
  }

  /** A data stream takes over its template with its next backing index. Without the right to do that, it will, some time. */
  async #rollOver(tracer: string, signal: AbortSignal): Promise<void> {
    const target = encodeURIComponent(targetName(this.#server.config, tracer));
    await this.#server.send({ method: 'POST', path: `/${target}/_rollover`, signal });
  }
}

function abilitiesOf(product: Product, { retention_days, layout }: ShippingConfig): Abilities {
  if (product.name === 'opensearch') {
    const flat = product.major > 2 || (product.major === 2 && product.minor >= 7);
    return {
      product,
      freeForm: flat ? 'flat_object' : 'object',
      retention: retention_days === 0 ? 'none' : 'ism',
    };
  }
  const lifecycle = product.major > 8 || (product.major === 8 && product.minor >= 14);
  const retention =
    retention_days === 0 ? 'none' : lifecycle && layout === 'data_stream' ? 'lifecycle' : 'ilm';
  return { product, freeForm: 'flattened', retention };
}

/** The next best for a server that refused; undefined when there is none. */
function reduce(abilities: Abilities): Abilities | undefined {
  if (abilities.retention !== 'none') return { ...abilities, retention: 'none' };
  return abilities.freeForm === 'object' ? undefined : { ...abilities, freeForm: 'object' };
}

function pathOf({ kind, name }: Template): string {
  return `/${kind === 'component' ? '_component_template' : '_index_template'}/${name}`;
}

function versionOf(body: Buffer, kind: Template['kind']): number | undefined {
  try {
    const answer = JSON.parse(body.toString('utf8')) as Record<string, unknown>;
    const [first] = (kind === 'component' ? answer.component_templates : answer.index_templates) as [
      Record<string, { version?: number }>?,
    ];
    return first?.[kind === 'component' ? 'component_template' : 'index_template']?.version;
  } catch {
    return undefined;
  }
}
