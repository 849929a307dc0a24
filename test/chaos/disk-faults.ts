/** What happens to the disk and the directory of the journal, also by the hand of others. */
import assert from 'node:assert/strict';
import {
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import type { JournalTracerStatus } from '../../src/storage/journal/stream-status.ts';
import type { LoopDisk } from '../soak/loop-disk.ts';
import { flood } from '../support/flood.ts';
import { linesOf } from '../support/journal-reader.ts';
import { linesWithin, segmentBytes } from '../support/segment-text.ts';
import { actor, flowing, patiently, replaced, type Scene } from './scene.ts';

const TRACER = 'flood';
const FOREIGN_FILES = 1000;
const FOREIGN = 'not a document\n';
/** More than a segment takes, also when one of four events is kept, and less than the ring holds. */
const SEGMENT_EVENTS = 8000;

export function diskOf({ disk }: Scene): LoopDisk {
  if (!disk) throw new Error('this fault needs a disk of its own');
  return disk;
}

export async function freeze(scene: Scene, disk: LoopDisk): Promise<number> {
  const { agent } = scene;
  const { restarts } = await actor(scene, 'journal');
  {
    using _ = disk.freeze();
    await patiently(scene, 'the hang to be seen', async () => {
      const { state, last_error } = await agent.actor('journal');
      return last_error?.code === 'WORKER_HUNG' && state === 'restarting';
    });
    await patiently(scene, 'a scrape', () => agent.metrics());
  }
  const thawed_ms = performance.now();
  await patiently(scene, 'the next journal', async () => {
    const now = await agent.actor('journal');
    return now.restarts > restarts && now.state === 'running';
  });
  await flowing(scene);
  return performance.now() - thawed_ms;
}

export async function fill(scene: Scene, disk: LoopDisk): Promise<number> {
  const refused = async (): Promise<number> => (await actor(scene, 'flood')).vitals?.refused_batches ?? 0;
  const before = await refused();
  {
    using _ = disk.fill();
    await patiently(scene, 'a batch to be refused', async () => (await refused()) > before);
  }
  const start_ms = performance.now();
  await flowing(scene);
  return performance.now() - start_ms;
}

/** A file that is open can still be written to, and none can be made: as where an administrator has mounted something over it. */
export async function closeForWriting(scene: Scene, disk: LoopDisk): Promise<number> {
  const refused = async (): Promise<number> => (await actor(scene, TRACER)).vitals?.refused_batches ?? 0;
  const before = await refused();
  {
    using _ = disk.readOnly(scene.journal);
    flood(SEGMENT_EVENTS);
    await patiently(scene, 'a batch to be refused', async () => (await refused()) > before);
    await patiently(scene, 'the reason', async () =>
      /EROFS/.test((await scene.agent.status()).journal?.error?.message ?? ''),
    );
  }
  const start_ms = performance.now();
  await flowing(scene);
  return performance.now() - start_ms;
}

export async function deleteLock(scene: Scene): Promise<number> {
  const { agent, journal } = scene;
  const said = agent.stderr.length;
  const start_ms = performance.now();
  rmSync(join(journal, '.lock'));
  await patiently(scene, 'the journal to be suspended', () => agent.stderr.includes('is suspended', said));
  await patiently(scene, 'the journal to go on', () => agent.stderr.includes('the journal goes on', said));
  await flowing(scene);
  return performance.now() - start_ms;
}

/** The one that is written to, as logrotate does it. */
export async function deleteSegment(scene: Scene): Promise<number> {
  const start_ms = performance.now();
  const { path } = await segmentInUse(scene);
  renameSync(path, nextTaken(scene, path.endsWith('.zst') ? '.ndjson.zst' : '.ndjson'));
  await lossCounted(scene);
  return performance.now() - start_ms;
}

/** To half of its length, within a line or a frame; the agent stands still meanwhile, so that what is gone is known to the line. */
export async function cutSegment(scene: Scene): Promise<number> {
  const { agent } = scene;
  await segmentInUse(scene);
  await agent.freeze();
  const start_ms = performance.now();
  try {
    // Another one may have been begun before it stood still, and have nothing in it.
    const path = newestSegment(scene) ?? assert.fail('no segment');
    const end = Math.floor(statSync(path).size / 2);
    const left = linesWithin(path, end);
    writeFileSync(nextTaken(scene, '.ndjson'), segmentBytes(path).subarray(left.length));
    truncateSync(path, end);
  } finally {
    agent.signal('SIGCONT');
  }
  await lossCounted(scene);
  return performance.now() - start_ms;
}

/** A thousand files beside the segments, some with names like those, of which the next thread of the journal says two lines. */
export async function dropFiles(scene: Scene): Promise<number> {
  const { agent, fuse, journal } = scene;
  const said = agent.stderr.length;
  const { restarts } = await actor(scene, 'journal');
  const directory = join(journal, TRACER);
  const paths = Array.from({ length: FOREIGN_FILES }, (_, n) =>
    join(n % 2 === 0 ? directory : journal, n % 3 === 0 ? `${n}.ndjson` : `notes-${n}.txt`),
  );
  try {
    for (const path of paths) writeFileSync(path, FOREIGN);
    const recovered_ms = await replaced(scene, 'journal', () => fuse.light('journal', 'throw'));
    const warnings = await patiently(
      scene,
      'the warnings',
      () => agent.stderr.slice(said).match(/left alone what is not[^\n]*/g) ?? undefined,
    );
    // The one that is replaced looks from time to time, and may have told of them as well.
    const threads = 1 + (await actor(scene, 'journal')).restarts - restarts;
    assert.ok(warnings.length <= 2 * threads, `${threads} threads: ${warnings.join('\n')}`);
    for (const path of paths) assert.equal(readFileSync(path, 'utf8'), FOREIGN, path);
    return recovered_ms;
  } finally {
    for (const path of paths) rmSync(path, { force: true });
  }
}

function newestSegment({ journal }: Scene): string | undefined {
  const directory = join(journal, TRACER);
  const newest = readdirSync(directory)
    .filter((name) => /^\d{20}(\.ndjson|\.live\.ndjson\.zst)$/.test(name))
    .sort()
    .at(-1);
  return newest === undefined ? undefined : join(directory, newest);
}

/** One that has something in it. */
function segmentInUse(scene: Scene): Promise<{ readonly path: string }> {
  return patiently(scene, 'a segment with documents', () => {
    const path = newestSegment(scene);
    return path !== undefined && statSync(path).size > 0 && { path };
  });
}

function nextTaken({ taken }: Scene, ending: string): string {
  const directory = join(taken, TRACER);
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  return join(directory, `${String(readdirSync(directory).length).padStart(6, '0')}${ending}`);
}

/** The agent has counted each document that was ever taken from it, also in earlier lives, and no other; and events flow. */
async function lossCounted(scene: Scene): Promise<void> {
  const counted = async (): Promise<JournalTracerStatus | undefined> =>
    (await scene.agent.status()).journal?.tracers[TRACER];
  let [found, wanted] = [-1, 0];
  try {
    await patiently(scene, 'the loss to be counted', async () => {
      wanted = [...linesOf(scene.taken, TRACER)].length;
      found = (await counted())?.lost_documents ?? -1;
      return found === wanted;
    });
  } catch (cause) {
    throw new Error(`${found} documents are counted as lost, expected ${wanted}`, { cause });
  }
  const status = await counted();
  assert.equal(status?.failing, true, 'a loss is no secret for five minutes');
  await flowing(scene);
}
