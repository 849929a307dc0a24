/**
 * The ports between the threads, as far as the main thread makes them: it hands out both ends and is not on the path. While a
 * service is down there is nobody to wire to; its next start wires everyone again.
 */
import { MessageChannel, type MessagePort } from 'node:worker_threads';
import { transferPort } from '../../actor/rpc.ts';
import type { Wire } from '../collector-child.ts';
import type { ServiceActors, ServiceName } from './service.ts';

const SERVICE_OF = {
  journal: 'journal',
  scraper: 'prometheus',
  containers: 'containers',
} as const satisfies Record<Wire, ServiceName>;

/** Hands the far end of a collector's port to the service; closes it when that is down. */
export function wire(services: ServiceActors, collector: string, to: Wire, port: MessagePort): void {
  const { control } = services[SERVICE_OF[to]];
  if (control) control.connect(collector, transferPort(port)).catch(ignoreDeadWorker);
  else port.close();
}

/** Collectors over files are scraped by the Prometheus worker, which knows the containers for all of them. */
export function wirePrometheusToContainers({ prometheus, containers }: ServiceActors): void {
  if (!prometheus.control || !containers.control) return;
  const { port1, port2 } = new MessageChannel();
  prometheus.control.connectContainers(transferPort(port1)).catch(ignoreDeadWorker);
  containers.control.connect('prometheus', transferPort(port2)).catch(ignoreDeadWorker);
}

/** Nobody needs the collector's ports any more. */
export async function unwire({ prometheus, containers }: ServiceActors, collector: string): Promise<void> {
  for (const { control } of [prometheus, containers])
    await control?.forget(collector).then(undefined, ignoreDeadWorker);
}

/** A control call to a worker that died meanwhile: its successor is told the same. */
export function ignoreDeadWorker(): void {}
