/** A tracker over hierarchies of a test's own, with the kernel's programs or without them. */
import type { TestContext } from 'node:test';
import { cgroupsObject } from '../../src/agent/services/containers.ts';
import { openFeed } from '../../src/containers/feed.ts';
import { ContainerRegistry } from '../../src/containers/registry.ts';
import { CgroupTracker } from '../../src/containers/tracker.ts';
import { KernelOwner } from '../../src/kernel/object-owner.ts';
import type { Hierarchy } from '../../src/procfs/cgroup-hierarchies.ts';
import type { HostPaths, Log } from '../../src/sdk/context.ts';
import { HOST_PATHS } from './kernel.ts';

const KEEP_GONE_MS = 300_000;
export const WALK_EVERY_MS: number = 5_000;
export const WALK_REST_MS: number = 1_000;

interface Tracked {
  readonly registry: ContainerRegistry;
  readonly tracker: CgroupTracker;
  readonly warnings: readonly string[];
}

interface Options {
  readonly hierarchies: readonly Hierarchy[];
  readonly paths?: HostPaths;
  readonly kernel?: KernelOwner;
}

export async function track(
  t: TestContext,
  { hierarchies, paths = HOST_PATHS as HostPaths, kernel }: Options,
): Promise<Tracked> {
  const registry = new ContainerRegistry({
    hierarchies,
    keepGone_ms: KEEP_GONE_MS,
    labels: [],
    sources: ['oci'],
  });
  const warnings: string[] = [];
  const log = {
    warn: (message: string, detail: object) => warnings.push(`${message} ${JSON.stringify(detail)}`),
  };
  const tracker = new CgroupTracker({
    registry,
    hierarchies,
    paths,
    log: log as unknown as Log,
    ...(kernel && {
      feed: await openFeed(kernel.calls, cgroupsObject().manifest.event, log as unknown as Log),
    }),
  });
  t.after(() => tracker[Symbol.dispose]());
  return { registry, tracker, warnings };
}

/** Has the programs; they are unloaded after the test. */
export function kernelFor(t: TestContext, paths: HostPaths = HOST_PATHS as HostPaths): KernelOwner {
  const kernel = new KernelOwner({ ...cgroupsObject(), paths });
  t.after(() => kernel.release());
  return kernel;
}

/** `performance.now()` in the test's hands. */
export function clockFor(t: TestContext): { now_ms: number } {
  const clock = { now_ms: 1_000_000 };
  t.mock.method(performance, 'now', () => clock.now_ms);
  return clock;
}

/** @returns the id of the container that has the cgroup */
export function owns(
  registry: ContainerRegistry,
  inode: bigint,
  { controllers }: Hierarchy,
): string | undefined {
  const owner = registry.owner(inode, controllers[0]);
  return owner.type === 'container' ? owner.container.id : undefined;
}
