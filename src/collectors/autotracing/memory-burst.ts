/** Which kind of memory has grown fast, and who makes it grow. */
import { join } from 'node:path';
import type { MemoryKinds } from '../../procfs/memory-kinds.ts';
import { pageSize } from '../../procfs/page-size.ts';
import { parseSlabinfo } from '../../procfs/slabinfo.ts';
import { readIfThere } from '../../procfs/source.ts';
import type { CaptureContext, Subject, Window } from '../../sdk/index.ts';
import * as sdk from '../../sdk/index.ts';

const KINDS = ['anon', 'file', 'slab'] as const;
type Kind = (typeof KINDS)[number];

/** When memory of a kind is a burst: it is `ratio` times what it was, and this much, in bytes and as a share of the limit. */
export const BURST_OPTIONS = {
  ratio: sdk.number(2, 'A burst multiplies anonymous memory by this', { min: 1 }),
  share: sdk.number(0.7, 'It fills this share of the limit, or of all memory', { min: 0, max: 1 }),
  floor: sdk.size('512MiB', 'It ends with at least this much'),
  cache_ratio: sdk.number(2, 'The same of page cache', { min: 1 }),
  cache_share: sdk.number(0.7, 'The same of page cache', { min: 0, max: 1 }),
  cache_floor: sdk.size('1GiB', 'The same of page cache'),
  slab_ratio: sdk.number(2, "The same of the kernel's objects", { min: 1 }),
  slab_share: sdk.number(0.2, "The same of the kernel's objects", { min: 0, max: 1 }),
  slab_floor: sdk.size('256MiB', "The same of the kernel's objects"),
};

export interface MemoryBurst {
  readonly grew: Kind;
  readonly before_bytes: number;
  readonly after_bytes: number;
  readonly window_seconds: number;
  readonly limit_bytes: number | undefined;
  readonly kinds: readonly {
    readonly kind: Kind;
    readonly before_bytes: number;
    readonly after_bytes: number;
  }[];
}

export const BURST_FIELDS = {
  grew: sdk.keyword(
    'What has grown: anon, memory of processes; file, page cache; slab, objects of the kernel',
  ),
  before_bytes: sdk.bytes('How much of it there was at the start of the window'),
  after_bytes: sdk.bytes('The same at its end'),
  window_seconds: sdk.decimal('From the one to the other'),
  limit_bytes: sdk.optional(sdk.bytes('Limit of the container or unit; memory of the host')),
  kinds: sdk.list(
    sdk.struct({
      kind: sdk.keyword('anon, file or slab'),
      before_bytes: sdk.bytes('At the start of the window'),
      after_bytes: sdk.bytes('At its end'),
    }),
    'All kinds of memory',
  ),
};

/** @returns the kind that has grown most of those that are beyond their limits */
export function memoryBurst(
  { full, seconds, oldest, newest }: Window<MemoryKinds>,
  options: sdk.OptionValues<typeof BURST_OPTIONS>,
): MemoryBurst | undefined {
  const { limit_bytes } = newest.state;
  const { ratio, share, floor } = options;
  const limits = {
    anon: { ratio, share, floor },
    file: { ratio: options.cache_ratio, share: options.cache_share, floor: options.cache_floor },
    slab: { ratio: options.slab_ratio, share: options.slab_share, floor: options.slab_floor },
  };
  const kinds = KINDS.flatMap((kind) => {
    const [before_bytes, after_bytes] = [oldest.state[`${kind}_bytes`], newest.state[`${kind}_bytes`]];
    return before_bytes === undefined || after_bytes === undefined
      ? []
      : [{ kind, before_bytes, after_bytes }];
  });
  const [burst] = kinds
    .filter(({ kind, before_bytes, after_bytes }) => {
      const least = limits[kind];
      return (
        after_bytes >= Math.max(least.ratio * before_bytes, least.share * (limit_bytes ?? 0), least.floor)
      );
    })
    .toSorted((a, b) => b.after_bytes - b.before_bytes - (a.after_bytes - a.before_bytes));
  if (!full || !burst) return undefined;
  const { kind: grew, before_bytes, after_bytes } = burst;
  return { grew, before_bytes, after_bytes, window_seconds: seconds, limit_bytes, kinds };
}

export const GROWTH_FIELDS = {
  top_cache_users: sdk.optional(
    sdk.list(
      sdk.struct({
        PID: sdk.integer('Process that has read, written or touched the file'),
        ProcessName: sdk.keyword('Its name'),
        path: sdk.optional(sdk.keyword('File, in its file system; absent when it has no name any more')),
        bytes: sdk.bytes('What that has added to the page cache'),
      }),
      'Who has filled the page cache meanwhile, most first',
    ),
  ),
  top_slab_users: sdk.optional(
    sdk.list(
      sdk.struct({
        cache: sdk.keyword('Cache of the kernel, as in /proc/slabinfo'),
        PID: sdk.integer('Process that had the objects made'),
        ProcessName: sdk.keyword('Its name'),
        growth_bytes: sdk.bytes('Objects that were made and not freed meanwhile, estimated'),
      }),
      'Who has made objects of the kernel that stay, most first',
    ),
  ),
  top_slab_caches: sdk.optional(
    sdk.list(
      sdk.struct({
        cache: sdk.keyword('Cache of the kernel'),
        bytes: sdk.bytes('Its size, of the whole host'),
        growth_bytes: sdk.bytes('How much of that came meanwhile; below 0 when it shrank'),
      }),
      'Largest caches of the kernel',
    ),
  ),
  flamedata: sdk.optional(sdk.PROFILE_FIELDS.flamedata),
  profile: sdk.optional(sdk.PROFILE_FIELDS.profile),
};

type Growth = sdk.DocumentOf<typeof GROWTH_FIELDS>;
type Tools = Pick<
  CaptureContext<{ readonly profile: number; readonly top: number }>,
  'options' | 'paths' | 'profile' | 'memory'
>;

/** Looks at who takes more of it. @throws as `Profiles` */
export async function growthOf(
  kind: Kind,
  subject: Subject,
  { options, paths, profile, memory }: Tools,
): Promise<Growth> {
  const seconds = options.profile;
  if (kind === 'anon') return sdk.profileDocument(await profile.allocations({ seconds }));
  if (kind === 'file') {
    const { profile: taken, users } = await memory.pageCache({ seconds });
    return {
      top_cache_users: users.slice(0, options.top).map(({ pid: PID, comm: ProcessName, file, bytes }) => {
        return { PID, ProcessName, ...(file?.path !== undefined && { path: file.path }), bytes };
      }),
      ...sdk.profileDocument(taken),
    };
  }
  const before = slabCaches(paths.procfs);
  const { profile: taken, users } = await memory.slab({ seconds });
  return {
    top_slab_users: users
      .slice(0, options.top)
      .map(({ cache, pid: PID, comm: ProcessName, growth_bytes }) => {
        return { cache, PID, ProcessName, growth_bytes };
      }),
    // They are the host's, and say nothing of a container.
    ...(typeof subject === 'string' && {
      top_slab_caches: [...slabCaches(paths.procfs)]
        .toSorted(([, a], [, b]) => b - a)
        .slice(0, options.top)
        .map(([cache, bytes]) => ({ cache, bytes, growth_bytes: bytes - (before.get(cache) ?? 0) })),
    }),
    ...sdk.profileDocument(taken),
  };
}

/** Bytes of each cache; none where the kernel does not tell. */
function slabCaches(procfs: string): ReadonlyMap<string, number> {
  const page_bytes = pageSize(procfs);
  const caches = parseSlabinfo(readIfThere(join(procfs, 'slabinfo')) ?? '');
  return new Map(caches.map(({ name, pages }) => [name, pages * page_bytes]));
}
