import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { hasMallocOfStart, MALLOC_OF_START } from '../../src/agent/malloc.ts';

const LIBC = new URL('../../src/kernel/libc.js', import.meta.url).href;
const MALLOC = new URL('../../src/agent/malloc.js', import.meta.url).href;

test('thresholds that a user has set are not those of a start', () => {
  assert.ok(hasMallocOfStart({ ...MALLOC_OF_START, PATH: '/bin' }));
  assert.ok(!hasMallocOfStart({ ...MALLOC_OF_START, MALLOC_TRIM_THRESHOLD_: '1' }));
  assert.ok(!hasMallocOfStart({}));
});

test('a block that is freed is kept during the start, and goes back when that is over', () => {
  const script = `
    import koffi from 'koffi';
    import { setMallocThresholds, trimMalloc } from '${LIBC}';
    import { SETTLED_THRESHOLD_BYTES } from '${MALLOC}';
    const libc = koffi.load('libc.so.6');
    const malloc = libc.func('void *malloc(size_t size)');
    const free = libc.func('void free(void *block)');
    const fill = libc.func('void *memset(void *block, int value, size_t size)');
    const kept = () => {
      const before = process.memoryUsage.rss();
      const block = malloc(16 << 20);
      fill(block, 1, 16 << 20);
      free(block);
      return process.memoryUsage.rss() - before > 12 << 20;
    };
    const atStart = kept();
    trimMalloc();
    setMallocThresholds(SETTLED_THRESHOLD_BYTES);
    console.log(JSON.stringify([atStart, kept()]));`;
  const { stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', script], {
    encoding: 'utf8',
    env: { ...process.env, ...MALLOC_OF_START },
    cwd: import.meta.dirname,
  });
  assert.deepEqual(JSON.parse(stdout || `"${stderr}"`), [true, false]);
});
