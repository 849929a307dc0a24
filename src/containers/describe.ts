/** A container as documents and metrics show it; the names are those of existing HuaTuo dashboards. */
import type { Container } from './container.ts';

/**
 * The container's part of a document, to be put behind another field: `,"container_id":"…",…`. The Kubernetes namespace is
 * left out when it is not known.
 */
export function containerFragment(container: Container): string {
  const fields: Record<string, string> = {
    container_id: container.id,
    container_hostname: container.hostname,
    container_type: container.type,
    container_qos: container.qos,
  };
  if (container.hostNamespace !== '') fields.container_host_namespace = container.hostNamespace;
  return `,${JSON.stringify(fields).slice(1, -1)}`;
}

export interface ContainerLabels extends Readonly<Record<string, string>> {
  readonly container_host: string;
  readonly container_name: string;
  readonly container_type: string;
  readonly container_level: string;
  readonly container_hostnamespace: string;
}

/** The labels of a container's metrics. */
export function containerLabels(container: Container): ContainerLabels {
  return {
    container_host: container.hostname,
    container_name: container.name,
    container_type: container.type,
    container_level: container.qos,
    container_hostnamespace: container.hostNamespace,
  };
}
