/** What fills memory during one capture, within its time. */
import { pageSize } from '../procfs/page-size.ts';
import type { ProfileCalls } from '../profile/protocol.ts';
import { subjectOf } from '../profile/subject.ts';
import { readAll, takeProfile } from '../profile/take-profile.ts';
import type { Subject } from '../sdk/autotracing.ts';
import type { CacheUse, MemoryGrowth, SlabUse } from '../sdk/memory-growth.ts';
import type { Profile } from '../sdk/profile.ts';
import { rawPaths } from './disk-wire.ts';
import { rawCacheUses, rawLostAdditions, rawLostObjects, rawSlabUses } from './memory-wire.ts';
import { type ProfileLimits, within } from './profiles.ts';

/** Of the objects that are followed, one stands for so many: FOLLOWED_ONE_OF of bpf/agent/slab_growth.bpf.c. */
const OBJECTS = 16;

/** @param subject as of `captureProfiles` */
export function captureMemory(calls: ProfileCalls, subject: Subject, limits: ProfileLimits): MemoryGrowth {
  const timeOf = within(limits);
  const take = (
    kind: 'page_cache' | 'slab',
    seconds: number,
    read: (id: number) => Promise<void>,
  ): Promise<Profile> => {
    const request = { kind, subject: subjectOf(subject), hz: 1, faultsPerSample: 1 };
    const time = { seconds: timeOf(seconds), signal: limits.signal };
    return takeProfile(calls, request, time, pageSize(limits.procfs), read);
  };
  return {
    async pageCache({ seconds }) {
      let users: CacheUse[] = [];
      let lost = 0;
      const profile = await take('page_cache', seconds, async (id) => {
        const paths = new Map((await readAll(calls, id, 'files')).flatMap(rawPaths));
        users = (await readAll(calls, id, 'usages')).flatMap((batch) => rawCacheUses(batch, paths));
        lost = rawLostAdditions(await calls.profileRead(id, 'losses'));
      });
      return {
        profile: { ...profile, lost: profile.lost + lost },
        users: users.toSorted((a, b) => b.bytes - a.bytes),
      };
    },
    async slab({ seconds }) {
      let users: SlabUse[] = [];
      let lost = 0;
      const profile = await take('slab', seconds, async (id) => {
        users = (await readAll(calls, id, 'usages')).flatMap(rawSlabUses);
        lost = OBJECTS * rawLostObjects(await calls.profileRead(id, 'losses'));
      });
      const objects = profile.stacks.reduce((sum, { samples }) => sum + samples, 0);
      return {
        profile: { ...profile, samples: objects + lost, lost },
        users: users.toSorted((a, b) => b.growth_bytes - a.growth_bytes),
      };
    },
  };
}
