/** Part `captures`: autotracers, provoked until each has written a document that is right. */
import { mkdir } from 'node:fs/promises';
import type { ListedCollector } from '../../../src/cli/list.ts';
import type { JournalDocument } from '../../support/journal-reader.ts';
import type { Hierarchy } from '../boots.ts';
import type { Finding } from '../report.ts';
import { configureCaptures, fromDocuments, installUnit, status } from './agent.ts';
import { BURSTS, type Burst, FROZEN, MIB } from './bursts.ts';
import { ok, run, say, startGroup, wrong } from './commands.ts';
import { ContainerGroup } from './hierarchy.ts';
import { startsWell, step } from './service.ts';

type Tell = (table: 'service' | 'collectors', name: string, finding: Finding) => void;

/** On a machine that is not emulated. */
const SECONDS = 10;
/** The agent takes four profiles at a time, and of a disk two. */
const AT_A_TIME = 3;
/** Their documents are of disks, and name containers inside. */
const OF_DISKS: ReadonlySet<string> = new Set(['iotracing']);

export async function captures(hierarchy: Hierarchy, tell: Tell): Promise<void> {
  const listed = JSON.parse(await run('huatuo', 'list', '--output', 'json')) as ListedCollector[];
  configureCaptures(listed.map(({ name }) => name));
  await installUnit();
  const began = await step('', startsWell);
  if (began.result === 'wrong') throw new Error(began.note);
  await mkdir(FROZEN, { recursive: true });
  // The part before it in the same boot leaves it there.
  await run('sh', '-c', `mountpoint -q ${FROZEN} || mount /dev/vdb ${FROZEN}`);
  await run('sh', '-c', 'rm -f /run/frozen');
  const bursts = Object.entries(BURSTS);
  for (let first = 0; first < bursts.length; first += AT_A_TIME)
    await provoke(bursts.slice(first, first + AT_A_TIME), hierarchy, tell);
  await run('systemctl', 'stop', 'huatuo');
  await run('umount', FROZEN);
}

async function provoke(
  bursts: readonly (readonly [string, Burst])[],
  hierarchy: Hierarchy,
  tell: Tell,
): Promise<void> {
  const works = bursts.map(([name, burst]) => {
    const { limits = { memory_bytes: 64 * MIB }, work } = burst;
    const group = new ContainerGroup(hierarchy, limits);
    if (burst.limits) group.spawn(work);
    return { name, burst, group, ended: burst.limits ? undefined : startGroup(work) };
  });
  for (const { burst } of works) await burst.begun?.();
  await Promise.all(
    works.map(async ({ name, burst, group, ended }) => {
      const isIts = ({ fields }: JournalDocument): boolean =>
        burst.limits === undefined || OF_DISKS.has(name) || fields.container_id === group.id;
      const finding = await checked(name, burst, hierarchy, isIts);
      await burst.over?.();
      ended?.();
      await group.remove();
      say(`${name}: ${finding.result} (${finding.note})`);
      tell('collectors', name, finding);
    }),
  );
}

/** Of several documents the first that is right, or what is wrong with the last. */
async function checked(
  name: string,
  { check }: Burst,
  hierarchy: Hierarchy,
  isIts: (found: JournalDocument) => boolean,
): Promise<Finding> {
  let fault = '';
  const note = await fromDocuments(name, SECONDS, (found) => {
    if (!isIts(found)) return undefined;
    try {
      return check(found, hierarchy);
    } catch (error) {
      fault = (error as Error).message;
      return undefined;
    }
  });
  if (note !== undefined) return ok(note);
  if (fault !== '') return wrong(fault);
  const actor = (await status())?.actors.find((one) => one.name === name);
  const why = actor?.reason ?? actor?.last_error;
  return wrong(`no document of a capture${why ? `: ${why.message}` : ''}`);
}
