/** A registry with a clock in the test's hands, and short names of what it answers. */
import { ContainerRegistry } from '../../src/containers/registry.ts';
import type { Hierarchy } from '../../src/procfs/cgroup-hierarchies.ts';
import type { Container, Owner } from '../../src/sdk/container.ts';
import { V2 } from './containers-fixture.ts';

export const KEEP_GONE_MS = 300_000;

export function registryOf(hierarchies: readonly Hierarchy[] = [V2]): {
  readonly registry: ContainerRegistry;
  readonly clock: { now_ms: number };
} {
  const clock = { now_ms: 1 };
  const registry = new ContainerRegistry({
    hierarchies,
    keepGone_ms: KEEP_GONE_MS,
    labels: ['app'],
    sources: ['trusted', 'other'],
    now_ms: () => clock.now_ms,
  });
  return { registry, clock };
}

export function nameOf(owner: Owner): string {
  if (owner.type === 'container') return owner.container.id;
  return owner.type === 'unit' ? owner.name : owner.type;
}

export function ids(containers: readonly Container[]): string[] {
  return containers.map(({ id }) => id);
}
