/** What the agent tells of itself: its status, and its own metrics. Nothing that is on every page wakes a collector's thread. */
import type { WorkerActor } from '../actor/worker-actor.ts';
import type { AgentIdentity } from '../decoder/envelope.ts';
import { withDeadline } from '../promises.ts';
import type { MetricsAnswer } from '../sdk/metrics.ts';
import { OwnAnswers } from '../storage/prometheus/own-family.ts';
import type { StatusDocument } from '../web/status.ts';
import type { Collectors, Wanted } from './collectors.ts';
import type { AgentPhase } from './lifecycle.ts';
import type { Precapture } from './precapture.ts';
import type { ProgramCosts } from './program-costs.ts';
import type { ReloadRecord } from './reload.ts';
import type { Services } from './services/services.ts';
import { describeAgent, setAside } from './status.ts';
import { actorDetails, precaptureFamilies, statusFamilies } from './status-metrics.ts';

/** Pages wait no longer for the threads' CPU time and heap, and for the number of containers; then they show the last ones. */
const MEASURE_DEADLINE_MS = 100;

interface OverviewSubjects {
  readonly services: Services;
  readonly collectors: Collectors;
  readonly precapture: Precapture;
  readonly programCosts: ProgramCosts;
  phase(): AgentPhase;
  inForce(): Wanted;
  identity(): AgentIdentity;
  reloads(): ReloadRecord;
}

export class Overview {
  readonly #subjects: OverviewSubjects;
  readonly #startedAt = new Date();
  readonly #answers = { usual: new OwnAnswers(), detailed: new OwnAnswers() };

  constructor(subjects: OverviewSubjects) {
    this.#subjects = subjects;
  }

  /** All that have, or are to have, a thread. */
  get actors(): WorkerActor<object>[] {
    const { services, collectors } = this.#subjects;
    return [...services.actors, ...collectors.children.flatMap(({ workers }) => workers)];
  }

  /** As it is known here: no thread is asked. @param withPrograms as of each collector */
  status(withPrograms = true): StatusDocument {
    const { services, collectors, phase, inForce, identity } = this.#subjects;
    const { config, catalog } = inForce();
    const { children } = collectors;
    const disabled = catalog.entries.filter(({ name }) => !config.collectors[name]?.enabled);
    const actors = [
      ...services.statuses,
      ...children.map((child) => child.status(withPrograms)),
      ...catalog.broken.map(({ name, error }) => setAside(name, 'unsupported', { error })),
      ...disabled.map(({ name, kind }) => setAside(name, 'disabled', { kind })),
    ];
    return {
      agent: describeAgent({
        phase: phase(),
        actors,
        identity: identity(),
        startedAt: this.#startedAt,
        isTroubled: services.isTroubled,
      }),
      actors,
      ledger: children.flatMap((child) => child.ledger() ?? []),
      ...services.report,
    };
  }

  /** The same with what threads tell of themselves, as far as they do in time. */
  async freshStatus(): Promise<StatusDocument> {
    const measured = Promise.all(this.actors.map((actor) => actor.measure()));
    await Promise.all([
      this.#subjects.services.ask(MEASURE_DEADLINE_MS),
      // What was measured last stays.
      withDeadline(measured, MEASURE_DEADLINE_MS, 'measurements').catch(() => undefined),
    ]);
    return this.status();
  }

  /** See `ServiceHost.families`. */
  async families(isDetailed: boolean, known?: string): Promise<MetricsAnswer> {
    const { services, collectors, precapture, programCosts, inForce, reloads } = this.#subjects;
    const costs = [
      ...programCosts.families(collectors.children, inForce().config.path.procfs),
      ...precaptureFamilies(await precapture.counts()),
    ];
    if (!isDetailed) {
      await services.askForFamilies(MEASURE_DEADLINE_MS);
      const families = [...statusFamilies(this.status(false), reloads()), ...services.families(), ...costs];
      return this.#answers.usual.answer(families, known);
    }
    const status = await this.freshStatus();
    const families = [
      ...statusFamilies(status, reloads()),
      ...actorDetails(status),
      ...services.families(),
      ...services.details(),
      ...costs,
    ];
    return this.#answers.detailed.answer(families, known);
  }
}
