/** Documents a collector made itself (`ctx.save`): same envelope, same journal, no ring behind them. */
import { setTimeout as sleep } from 'node:timers/promises';
import { boottime_ns, wallOffset_ns } from '../actor/clock.ts';
import type { ContainersClient } from '../containers/client.ts';
import { type AgentIdentity, type DocumentKind, savedDocument } from '../decoder/envelope.ts';
import type { JournalClient } from './journal-client.ts';

/** A collector that saves faster than the journal writes waits here; more than this is a bug in the collector. */
const MAX_PENDING = 64;
const RETRY_MS = 1000;

export class Saver {
  readonly #journal: JournalClient;
  readonly #agent: AgentIdentity;
  readonly #document: DocumentKind;
  readonly #containers: ContainersClient;
  /** Tells this worker's documents from those of its predecessors. */
  readonly #origin = boottime_ns().toString(36);
  #count = 0;
  #pending = 0;
  #turn = Promise.withResolvers<void>();

  constructor(
    journal: JournalClient,
    agent: AgentIdentity,
    document: DocumentKind,
    containers: ContainersClient,
  ) {
    this.#journal = journal;
    this.#agent = agent;
    this.#document = document;
    this.#containers = containers;
  }

  /**
   * Resolves when the document is in the journal; tries again for as long as the journal refuses or is away.
   * @param time_ns CLOCK_BOOTTIME of what is described
   */
  async save(containerId: string | undefined, time_ns: bigint, data: object): Promise<void> {
    while (this.#pending >= MAX_PENDING) await this.#turn.promise;
    this.#pending += 1;
    try {
      await this.#write(Buffer.from(this.#line(containerId, time_ns, data)));
    } finally {
      this.#pending -= 1;
      this.#turn.resolve();
      this.#turn = Promise.withResolvers();
    }
  }

  #line(containerId: string | undefined, time_ns: bigint, data: object): string {
    this.#count += 1;
    const { bootId, hostname, region } = this.#agent;
    const { collector, tracer, kind, severity, schemaVersion } = this.#document;
    return savedDocument({
      envelope: {
        idPrefix: `${bootId}-${collector}-${this.#origin}-`,
        schemaVersion,
        severity,
        hostname,
        region,
        uploadedTime: new Date().toISOString(),
        tracerName: tracer,
        tracerType: kind,
      },
      sequence: this.#count,
      realtime_ns: time_ns + wallOffset_ns(),
      container: containerId === undefined ? undefined : this.#containers.find(containerId),
      data,
    });
  }

  async #write(line: Buffer): Promise<void> {
    for (;;) {
      await this.#journal.connected;
      // The line stays here until it is written: a journal that dies takes only this copy with it.
      const buffer = Uint8Array.from(line).buffer;
      const { tracer } = this.#document;
      const outcome = await this.#journal.send({ tracer, buffer, bytes: line.byteLength, documents: 1 });
      if (outcome.kind === 'written') return;
      if (outcome.kind === 'refused') await sleep(RETRY_MS);
    }
  }
}
