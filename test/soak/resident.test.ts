import assert from 'node:assert/strict';
import test from 'node:test';
import { residentParts, residentPartsOf } from './resident.ts';

const SMAPS = `00400000-00500000 r-xp 00000000 fe:00 12 /usr/bin/node
Size: 1024 kB
Rss: 100 kB
01000000-02000000 rw-p 00000000 00:00 0 [heap]
Rss: 20 kB
7f0000000000-7f0000021000 rw-p 00000000 00:00 0
Rss: 4 kB
7f0000021000-7f0004000000 ---p 00000000 00:00 0
Rss: 0 kB
7f1234500000-7f1234600000 rw-p 00000000 00:00 0
Rss: 3 kB
7f2234500000-7f2234600000 rw-s 00000000 00:01 5 /dev/zero (deleted)
Rss: 2 kB
7f3234500000-7f3234600000 r--s 00000000 00:0f 9 anon_inode:bpf-map
Rss: 1 kB
`;

test('each mapping is counted for what it is for', () => {
  assert.deepEqual(residentParts(SMAPS), {
    files_bytes: 100 << 10,
    malloc_bytes: 20 << 10,
    arenas_bytes: 4 << 10,
    bpf_maps_bytes: 1 << 10,
    anonymous_bytes: 5 << 10,
  });
});

test('the parts of this process are most of what it holds', () => {
  const { files_bytes, anonymous_bytes } = residentPartsOf(process.pid);
  assert.ok(files_bytes > 0 && anonymous_bytes > 0);
});
