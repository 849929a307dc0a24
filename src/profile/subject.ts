/** Whose stacks: a container or a unit by its cgroup, in the hierarchy that knows it best. */
import { statSync } from 'node:fs';
import { HuatuoError } from '../error.ts';
import type { Subject } from '../sdk/autotracing.ts';
import type { Workload } from '../sdk/container.ts';
import type { CgroupHierarchy, ProfileSubject } from './protocol.ts';

/** Keys of `Workload.cgroups` in the order of preference. `unified` of a hybrid host has no controllers, but all processes. */
const KNOWN: readonly (readonly [key: string, hierarchy: CgroupHierarchy])[] = [
  ['cpu', 'cpu'],
  ['memory', 'memory'],
  ['io', 'io'],
  ['blkio', 'io'],
  ['unified', 'unified'],
];

/** @param subject a name of the host, or of a part of it, is the whole host @throws SOURCE_UNREADABLE when it has ended */
export function subjectOf(subject: Subject): ProfileSubject {
  return typeof subject === 'string' ? { type: 'host' } : workloadSubject(subject);
}

/** @throws SOURCE_UNREADABLE when it has ended */
export function workloadSubject({ cgroups, id }: Pick<Workload, 'cgroups' | 'id'>): ProfileSubject {
  for (const [key, hierarchy] of KNOWN) {
    const path = cgroups[key];
    const inode = path === undefined ? undefined : inodeOf(path);
    if (inode !== undefined) return { type: 'cgroup', hierarchy, inode };
  }
  throw new HuatuoError('SOURCE_UNREADABLE', {
    expected: `a cgroup of ${id}`,
    found: 'none that is there',
    remedy: 'it may have ended; see huatuo containers, or systemctl for a unit',
  });
}

function inodeOf(path: string): bigint | undefined {
  return statSync(path, { bigint: true, throwIfNoEntry: false })?.ino;
}
