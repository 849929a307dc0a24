import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Handles, MAX_LINKS } from '../../src/kernel/handles.ts';

test('a successor finds everything its predecessor wrote down', () => {
  const shared = Handles.allocate();
  const worker = new Handles(shared);
  assert.deepEqual([worker.state, worker.pinned, worker.links], ['empty', false, []]);
  worker.opened(0x1000n);
  assert.equal(new Handles(shared).state, 'opened');
  for (let link = 1n; link <= MAX_LINKS; link++) worker.addLink(link);
  worker.loaded();
  worker.pinned = true;
  const successor = new Handles(shared);
  assert.deepEqual([successor.state, successor.object, successor.pinned], ['loaded', 0x1000n, true]);
  assert.equal(successor.links.length, MAX_LINKS);
  assert.equal(successor.links.at(-1), BigInt(MAX_LINKS));
});
