/** What the agent has of a collector's object while the kernel refuses it things. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { RingWakes } from '../../src/actor/ring-wakes.ts';
import { Attempts } from '../../src/agent/attempts.ts';
import { CollectorObject } from '../../src/agent/collector-object.ts';
import { libbpf } from '../../src/kernel/libbpf.ts';
import { RingWatch } from '../../src/kernel/ring-watch.ts';
import type { ObjectManifest } from '../../src/schema/manifest.ts';
import { memoryLog } from '../storage/journal/fixture.ts';
import { builtCollectors } from '../support/flood.ts';
import { HOST_PATHS, skipWithoutBpf } from '../support/kernel.ts';

const skip = skipWithoutBpf();

async function create(t: TestContext, rings: RingWatch, attempts: Attempts): Promise<CollectorObject> {
  const directory = await builtCollectors('collectors');
  const source = {
    manifest: JSON.parse(readFileSync(join(directory, 'flood.json'), 'utf8')) as ObjectManifest,
    objectPath: join(directory, 'flood.bpf.o'),
    options: { process: BigInt(process.pid) },
    paths: HOST_PATHS,
  };
  const object = new CollectorObject(source, { attempts, rings, wakes: RingWakes.allocate() });
  t.after(() => object.release());
  return object;
}

/** Maps, programs and links that this process holds. */
function held(): number {
  return readdirSync('/proc/self/fd').filter((fd) => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`).includes('bpf');
    } catch {
      return false;
    }
  }).length;
}

test('a map that cannot be read costs its own part of the status', { skip }, async (t) => {
  using rings = new RingWatch();
  const log = memoryLog();
  const attempts = new Attempts('flood', log);
  const object = await create(t, rings, attempts);
  await object.calls.load();
  assert.equal(object.ledger()?.produced, '0');
  const api = libbpf();
  const lookup = api.bpf_map_lookup_elem;
  t.after(() => {
    api.bpf_map_lookup_elem = lookup;
  });
  api.bpf_map_lookup_elem = () => -12;
  const read = (): unknown => attempts.try('reading its ledger', () => object.ledger());
  assert.deepEqual([read(), read(), object.status.program_counts], [undefined, undefined, undefined]);
  assert.ok(attempts.failures >= 2);
  assert.deepEqual(log.lines, ['warn flood: reading its ledger failed']);
  api.bpf_map_lookup_elem = lookup;
  assert.notEqual(read(), undefined);
  // Also after the object was freed behind its back the supervisor gets an answer.
  await object.release();
  assert.deepEqual([object.status, object.missedRuns, object.ledger()], [{}, undefined, undefined]);
});

test('an object whose ring cannot be listened to leaves nothing in the kernel', { skip }, async (t) => {
  const rings = new RingWatch();
  rings[Symbol.dispose]();
  const object = await create(t, rings, new Attempts('flood', memoryLog()));
  const before = held();
  for (let tries = 0; tries < 2; tries++) {
    await assert.rejects(object.calls.load(), { code: 'SYSCALL_FAILED' });
    assert.equal(held(), before);
  }
  await assert.rejects(object.calls.attach(), { code: 'COLLECTOR_INVALID' });
});
