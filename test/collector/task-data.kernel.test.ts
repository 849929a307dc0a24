/** What programs remember of tasks where the kernel keeps no data in tasks (bpf/include/task_data.h): a bounded map by thread id. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import test from 'node:test';
import { KernelMap } from '../../src/decoder/maps.ts';
import { MapAccess } from '../../src/kernel/map-access.ts';
import { KernelObject } from '../../src/kernel/object.ts';
import { at } from '../../src/paths.ts';
import type { MapLayout, ObjectManifest } from '../../src/schema/manifest.ts';
import { eventually } from '../support/eventually.ts';
import { skipWithoutBpf } from '../support/kernel.ts';
import { Zombie } from '../support/zombie.ts';

/** What runqlat is on a kernel without task storage. */
async function loadWithoutTaskStorage(): Promise<KernelObject> {
  const read = (file: string): Buffer => readFileSync(at(`dist/bpf/${file}`));
  const manifest = JSON.parse(read('runqlat.json').toString()) as ObjectManifest;
  const maps = manifest.maps.map((map) => (map.type === 'task_storage' ? { ...map, type: 'hash' } : map));
  return KernelObject.load({ manifest: { ...manifest, maps }, bytes: read('runqlat.bpf.o'), options: {} });
}

function timesOf(object: KernelObject): KernelMap<number, { readonly arrivals: number }> {
  const layout = object.manifest.maps.find(({ name }) => name === 'times_by_id') as MapLayout;
  const access = new MapAccess(object.mapFd('times_by_id')!, layout);
  return new KernelMap(layout, {
    lookup: async (key) => access.lookup(key),
    batch: async (position) => access.batch(position),
    update: async (key, value) => access.update(key, value),
    delete: async (key) => access.delete(key),
  });
}

test('a task that ends takes along what is remembered of it', { skip: skipWithoutBpf() }, async () => {
  const object = await loadWithoutTaskStorage();
  try {
    object.attach();
    await using zombie = await Zombie.make();
    const times = timesOf(object);
    const seen = await times.get(zombie.pid);
    assert.ok(seen && seen.arrivals > 0);
    await zombie.reap();
    await eventually('that to go', async () => (await times.get(zombie.pid)) === undefined);
  } finally {
    object.unload();
  }
});
