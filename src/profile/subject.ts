/** Whose stacks: a container by its cgroup, in the hierarchy that knows it best. */
import { statSync } from 'node:fs';
import { HuatuoError } from '../error.ts';
import type { Container } from '../sdk/container.ts';
import type { CgroupHierarchy, ProfileSubject } from './protocol.ts';

/** Keys of `Container.cgroups` in the order of preference. `unified` of a hybrid host has no controllers, but all processes. */
const KNOWN: readonly (readonly [key: string, hierarchy: CgroupHierarchy])[] = [
  ['cpu', 'cpu'],
  ['memory', 'memory'],
  ['io', 'io'],
  ['blkio', 'io'],
  ['unified', 'unified'],
];

/** @param subject a container, or a name of the host or a part of it: then the whole host @throws SOURCE_UNREADABLE when it has ended */
export function subjectOf(subject: Container | string): ProfileSubject {
  return typeof subject === 'string' ? { type: 'host' } : containerSubject(subject);
}

/** @throws SOURCE_UNREADABLE when it has ended */
export function containerSubject({ cgroups, id }: Pick<Container, 'cgroups' | 'id'>): ProfileSubject {
  for (const [key, hierarchy] of KNOWN) {
    const path = cgroups[key];
    const inode = path === undefined ? undefined : inodeOf(path);
    if (inode !== undefined) return { type: 'cgroup', hierarchy, inode };
  }
  throw new HuatuoError('SOURCE_UNREADABLE', {
    expected: `a cgroup of container ${id.slice(0, 12)}`,
    found: 'none that is there',
    remedy: 'it may have ended; see huatuo containers',
  });
}

function inodeOf(path: string): bigint | undefined {
  return statSync(path, { bigint: true, throwIfNoEntry: false })?.ino;
}
