/** What the supervisor holds for a worker, with the flood's object in the kernel. */
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { Decoder, decoderNeeds } from '../../src/decoder/decoder.ts';
import { KernelOwner, type ObjectSource } from '../../src/kernel/object-owner.ts';
import type { ObjectManifest } from '../../src/schema/manifest.ts';
import { tempDirectory } from '../storage/journal/fixture.ts';
import { builtCollectors, flood } from '../support/flood.ts';
import { HOST_PATHS, skipWithoutBpf } from '../support/kernel.ts';

const skip = skipWithoutBpf();
const NEEDS = { outputBytes: 1 << 16, recordBytes: 256 };

async function floodSource(): Promise<ObjectSource> {
  const directory = await builtCollectors('collectors');
  return {
    manifest: JSON.parse(readFileSync(join(directory, 'flood.json'), 'utf8')) as ObjectManifest,
    objectPath: join(directory, 'flood.bpf.o'),
    wasmPath: join(directory, 'flood.wasm'),
    options: { process: BigInt(process.pid) },
    paths: HOST_PATHS,
  };
}

async function ownerFor(t: TestContext, source?: ObjectSource): Promise<KernelOwner> {
  const owner = new KernelOwner(source ?? (await floodSource()));
  t.after(() => owner.release());
  return owner;
}

test('however many ask at once, one object is loaded, and who asks later gets the same', {
  skip,
}, async (t) => {
  let loaded = 0;
  const owner = new KernelOwner(await floodSource(), () => {
    loaded += 1;
  });
  t.after(() => owner.release());
  await Promise.all([owner.calls.load(), owner.calls.load()]);
  const { object } = owner;
  await owner.calls.load();
  assert.deepEqual([loaded, owner.object], [1, object]);
});

test('the memory of a ring is lent to one worker after the other; other needs get another one', {
  skip,
}, async (t) => {
  const { calls } = await ownerFor(t);
  await calls.load();
  const first = await calls.shareRing(NEEDS);
  const second = await calls.shareRing({ ...NEEDS });
  assert.equal(second.memory, first.memory);
  const larger = await calls.shareRing({ ...NEEDS, outputBytes: 1 << 17 });
  assert.notEqual(larger.memory, first.memory);
  assert.equal(larger.mapId, first.mapId);
});

test('a successor finds in the ring what its predecessor has not committed', { skip }, async (t) => {
  const source = await floodSource();
  const { calls } = await ownerFor(t, source);
  await calls.load();
  await calls.attach();
  const layout = source.manifest.event!;
  const envelope = { idPrefix: '', hostname: '', region: '' };
  const decoders: Decoder[] = [];
  const documentsOfNextLife = async (): Promise<number> => {
    const sharedMemory = await calls.shareRing(decoderNeeds(layout, 1 << 16));
    const decoder = Decoder.create({ wasm: sharedMemory.module, layout, sharedMemory, envelope });
    decoders.push(decoder);
    decoder.readPosition = decoder.consumerPosition;
    decoder.beginBatch('', 0n);
    return decoder.decode().documents;
  };
  flood(3);
  assert.equal(await documentsOfNextLife(), 3);
  flood(2);
  assert.equal(await documentsOfNextLife(), 5);
  decoders.at(-1)?.commit(decoders.at(-1)!.readPosition);
  assert.equal(await documentsOfNextLife(), 0);
});

test('after an unload nothing is to be had but another load, and the lent memory is plain again', {
  skip,
}, async (t) => {
  const { calls } = await ownerFor(t);
  await calls.load();
  const { memory, regions, mapId } = await calls.shareRing(NEEDS);
  await calls.unload();
  for (const call of [
    () => calls.attach(),
    () => calls.detach(),
    () => calls.shareRing(NEEDS),
    () => calls.mapBatch('ledger', undefined),
  ])
    await assert.rejects(call, { code: 'COLLECTOR_INVALID', message: /load\(\) again/ });
  // A read or write there would end the process if the mapping had left a hole, or its pages read-only.
  new Uint8Array(memory.buffer).subarray(regions.consumer.offset, regions.commits.offset + 1).fill(1);
  await calls.load();
  assert.notEqual((await calls.shareRing(NEEDS)).mapId, mapId);
});

test('an object that cannot be read is refused, and what is put right is loaded at the next try', {
  skip,
}, async (t) => {
  using temp = tempDirectory();
  const source = await floodSource();
  const objectPath = join(temp.path, 'flood.bpf.o');
  const { calls } = await ownerFor(t, { ...source, objectPath });
  await assert.rejects(calls.load(), { code: 'ENOENT' });
  writeFileSync(objectPath, readFileSync(source.wasmPath ?? ''));
  await assert.rejects(calls.load());
  writeFileSync(objectPath, readFileSync(source.objectPath));
  await calls.load();
});

test('a release in the middle of a load leaves nothing in the kernel', { skip }, async () => {
  const owner = new KernelOwner(await floodSource());
  const loading = owner.calls.load();
  await owner.release();
  await loading;
  assert.equal(owner.object, undefined);
  await owner.release();
});

test('a map is asked for by name, with keys of its own width', { skip }, async (t) => {
  const { calls } = await ownerFor(t);
  await calls.load();
  await assert.rejects(calls.mapLookup('nothing', new Uint8Array(4)), {
    code: 'COLLECTOR_INVALID',
    message: /map called nothing/,
  });
  await assert.rejects(calls.mapLookup('ledger', new Uint8Array(3)), {
    code: 'SYSCALL_FAILED',
    message: /key of 3 bytes/,
  });
});
