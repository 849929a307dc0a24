import assert from 'node:assert/strict';
import { test } from 'node:test';
import { tempDirectory } from '../storage/journal/fixture.ts';
import { parseBoot, suiteOf } from './boots.ts';
import { partsOf } from './parts.ts';
import { Results } from './results.ts';

test('a run that was ended early leaves what it has, and the next one knows what it came through', () => {
  using directory = tempDirectory();
  const first = new Results(directory.path);
  first.add('6.1', { guest: { kernel: '6.1.0-56', systemd: '252' } });
  first.add('6.1', { table: 'collectors', name: 'oom', finding: { result: 'wrong', note: 'sizes' } });
  first.ended('6.1', 'collectors');

  const next = new Results(directory.path);
  assert.deepEqual(next.parts('6.1'), ['collectors']);
  next.add('6.1', { table: 'collectors', name: 'oom', finding: { result: 'ok' } });
  next.add('6.1', { table: 'service', name: 'stop', finding: { result: 'ok' } });
  assert.deepEqual(next.of('6.1'), {
    ...{ kernel: '6.1.0-56', systemd: '252', hierarchy: 'v2', parts: ['collectors'] },
    service: { stop: { result: 'ok' } },
    collectors: { oom: { result: 'ok' } },
  });
  next.restart('6.1');
  assert.deepEqual([next.parts('6.1'), next.of('6.1')], [[], undefined]);
});

test('a boot is a kernel, and how its cgroups are set up', () => {
  assert.deepEqual(parseBoot('5.10:legacy'), { name: '5.10:legacy', kernel: '5.10', hierarchy: 'legacy' });
  assert.deepEqual(parseBoot('6.1.0-56-cloud-amd64').hierarchy, 'unified');
  for (const name of ['6', 'trixie', '6.1:v1', '6.1:legacy:hybrid', '6.1:toString'])
    assert.throws(() => parseBoot(name), /expected KERNEL/);
  assert.deepEqual(['5.10.0-30', '6.1.0-56', '6.12.118', '7.3.4'].map(suiteOf), [
    'bookworm',
    'bookworm',
    'trixie',
    'trixie',
  ]);
});

test('parts of the suite that a hierarchy has nothing to say to are left out', () => {
  assert.deepEqual(partsOf('legacy'), ['collectors', 'captures', 'profiles']);
  assert.deepEqual(partsOf('unified', ['pins']), ['pins']);
  assert.throws(() => partsOf('unified', ['pinned']), /expected a part/);
});
