/** Start times of tasks where the kernel keeps no data in tasks (bpf/include/span.h): a bounded map by thread id. */
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import test from 'node:test';
import { KernelMap } from '../../src/decoder/maps.ts';
import { MapAccess } from '../../src/kernel/map-access.ts';
import { KernelObject } from '../../src/kernel/object.ts';
import { at } from '../../src/paths.ts';
import type { MapLayout, ObjectManifest } from '../../src/schema/manifest.ts';
import { eventually } from '../support/eventually.ts';
import { skipWithoutBpf } from '../support/kernel.ts';

const MANY_TASKS =
  'i=0; while [ $i -lt 3000 ]; do /bin/true & i=$((i + 1)); [ $((i % 50)) -gt 0 ] || wait; done; wait';

/** What runqlat is on a kernel without task storage. */
async function loadWithoutTaskStorage(): Promise<KernelObject> {
  const read = (file: string): Buffer => readFileSync(at(`dist/bpf/${file}`));
  const manifest = JSON.parse(read('runqlat.json').toString()) as ObjectManifest;
  const maps = manifest.maps.map((map) => (map.type === 'task_storage' ? { ...map, type: 'hash' } : map));
  return KernelObject.load({ manifest: { ...manifest, maps }, bytes: read('runqlat.bpf.o'), options: {} });
}

test('tasks that have ended leave no start time behind', { skip: skipWithoutBpf() }, async () => {
  const object = await loadWithoutTaskStorage();
  try {
    const layout = object.manifest.maps.find(({ name }) => name === 'waits_by_id') as MapLayout;
    const access = new MapAccess(object.mapFd('waits_by_id')!, layout);
    const starts = new KernelMap<number, number>(layout, {
      lookup: async (key) => access.lookup(key),
      batch: async (position) => access.batch(position),
      update: async (key, value) => access.update(key, value),
      delete: async (key) => access.delete(key),
    });
    const ended = async (): Promise<number[]> => {
      const tids: number[] = [];
      for await (const [tid] of starts.entries()) if (!existsSync(`/proc/${tid}`)) tids.push(tid);
      return tids;
    };
    object.attach();
    execFileSync('sh', ['-c', MANY_TASKS]);
    let left: number[] = [];
    await eventually(
      'the starts of ended tasks to go',
      async () => {
        left = await ended();
        return left.length === 0;
      },
      { last: () => `left: ${left.join(' ')}` },
    );
  } finally {
    object.unload();
  }
});
