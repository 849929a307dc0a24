/** What `/api/v1/containers` answers: containers as collectors see them. */
import type { Container } from '../sdk/container.ts';
import type { ContainersStatus } from './actor.ts';

export interface ContainersDocument {
  readonly containers: readonly ContainerEntry[];
  readonly status: ContainersStatus;
}

/** A container as JSON: inode numbers of cgroups as decimal strings, because JSON numbers end at 2^53. What is not known is empty or absent. */
export type ContainerEntry = Omit<Container, 'cgroupIds'> & { readonly cgroupIds: readonly string[] };

/** Sorted by name. */
export function containersDocument(
  containers: readonly Container[],
  status: ContainersStatus,
): ContainersDocument {
  return { containers: containers.map(entryOf).sort((a, b) => (a.name < b.name ? -1 : 1)), status };
}

function entryOf(container: Container): ContainerEntry {
  return { ...container, cgroupIds: container.cgroupIds.map(String) };
}
