import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { test } from 'node:test';
import fc from 'fast-check';
import { parseProcessMemory } from '../../src/procfs/processes.ts';
import { isLocal, localSize, parseStat, sizeByProcess, stillHangs } from '../../src/procfs/statfs.ts';

test('a process of its own tells the same as the call', async () => {
  const answer = await sizeByProcess(tmpdir(), 60_000);
  assert.ok(answer && !('pid' in answer));
  const { size_bytes, files } = localSize(tmpdir());
  assert.deepEqual([answer.size_bytes, answer.files], [size_bytes, files]);
  assert.ok(answer.available_bytes <= answer.free_bytes && answer.free_bytes <= answer.size_bytes);
});

test('what is not there has no size', async () => {
  assert.equal(await sizeByProcess('/nowhere/at/all', 60_000), undefined);
  assert.throws(() => localSize('/nowhere/at/all'), { code: 'ENOENT' });
});

test('file systems of other hosts and of programs are asked elsewhere, and those that are not known', () => {
  for (const type of ['ext4', 'xfs', 'btrfs', 'tmpfs', 'overlay']) assert.equal(isLocal(type), true, type);
  for (const type of ['nfs4', 'cifs', 'fuse.sshfs', 'fuseblk', 'ceph', '9p', 'virtiofs', 'lustre', 'new'])
    assert.equal(isLocal(type), false, type);
});

test('only a process that lives hangs, and only the one that was meant', async () => {
  const child = spawn('sleep', ['600']);
  const pid = child.pid ?? 0;
  const started_ticks = parseProcessMemory(readFileSync(`/proc/${pid}/stat`, 'utf8'), 1)?.started_ticks ?? 0;
  assert.equal(stillHangs({ pid, started_ticks }), true);
  assert.equal(stillHangs({ pid, started_ticks: started_ticks - 1 }), false);
  child.kill('SIGKILL');
  await once(child, 'close');
  assert.equal(stillHangs({ pid, started_ticks }), false);
});

test('any output is read', () => {
  assert.deepEqual(parseStat('4096 100 50 40 10 5\n'), {
    size_bytes: 409_600,
    free_bytes: 204_800,
    available_bytes: 163_840,
    files: 10,
    files_free: 5,
  });
  assert.equal(parseStat('4096 100 50 40 10\n'), undefined);
  fc.assert(fc.property(fc.string({ unit: 'binary' }), (text) => void parseStat(text)));
});
