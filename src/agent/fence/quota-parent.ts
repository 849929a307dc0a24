/**
 * Where on this host threads can be put under a CPU quota. Not everyone has it: kernels without CFS bandwidth, read-only
 * /sys in containers, cgroup v2 without a delegated cpu controller (systemd: Delegate=cpu).
 */
import { accessSync, constants, existsSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { parseCgroupMembership } from '../../procfs/cgroup-membership.ts';
import { type Mount, parseMountinfo, readMountinfo } from '../../procfs/mountinfo.ts';
import { isOwnSubgroup } from './own-group.ts';

/** Where the groups of this agent are made, or why they cannot be. */
export type QuotaParent =
  | { readonly kind: 'v1' | 'v2'; readonly path: string }
  | { readonly kind: 'none'; readonly reason: string };

/**
 * Looks for the cgroup below which this agent may make its own.
 * @param procfs mount point of procfs
 */
export function findQuotaParent(procfs: string, environment: NodeJS.ProcessEnv = process.env): QuotaParent {
  const mounts = parseMountinfo(readMountinfo(procfs));
  const own = parseCgroupMembership(readFileSync(join(procfs, 'self/cgroup'), 'utf8'));
  const v1 = mounts.find(({ type, superOptions }) => type === 'cgroup' && superOptions.includes('cpu'));
  if (v1) return usable('v1', belowMount(v1, own.get('cpu')?.path ?? '/'), 'cpu.cfs_quota_us');
  const v2 = mounts.find(({ type }) => type === 'cgroup2');
  if (!v2) return { kind: 'none', reason: 'no cgroup file system is mounted' };
  const path = belowMount(v2, own.get('unified')?.path ?? '/');
  // In a subgroup that systemd has started the agent in there is what the agent passes on (own-group.ts): nothing yet.
  const delegated = isOwnSubgroup(path, environment) ? dirname(path) : path;
  const controllers = join(delegated, 'cgroup.controllers');
  if (existsSync(controllers) && !readFileSync(controllers, 'utf8').trim().split(' ').includes('cpu')) {
    return { kind: 'none', reason: `the cpu controller is not delegated to ${path} (systemd: Delegate=cpu)` };
  }
  return usable('v2', path, 'cgroup.controllers');
}

function usable(kind: 'v1' | 'v2', path: string, needed: string): QuotaParent {
  if (!existsSync(join(path, needed))) {
    return { kind: 'none', reason: `${path} has no ${needed}: this kernel has no CFS bandwidth control` };
  }
  try {
    accessSync(path, constants.W_OK);
    return { kind, path };
  } catch {
    return { kind: 'none', reason: `${path} is read-only` };
  }
}

/** A container may see only its part of the hierarchy mounted, and be told a path that begins above it. */
function belowMount({ root, mountPoint }: Mount, own: string): string {
  const below = relative(root, own);
  return below.startsWith('..') ? mountPoint : join(mountPoint, below);
}
