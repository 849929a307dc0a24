/** Names of places in processes: this very one, and what a runtime tells of its own code. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import fs, { appendFileSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { Worker } from 'node:worker_threads';
import { type ProcessMappings, placeFrames } from '../../src/decoder/frame-places.ts';
import { parsePerfMap } from '../../src/decoder/perf-map.ts';
import { nameFrames, readMappings } from '../../src/decoder/process-frames.ts';
import { symbolAt } from '../../src/decoder/symbol-table.ts';

test('functions of this process are named by the files it runs; where it has no code there is no name', () => {
  const [own] = readMappings('/proc', [process.pid]);
  assert.ok(own);
  const addresses = own.mappings
    .filter(({ inode }) => inode !== '')
    .flatMap(({ start, end }) =>
      Array.from({ length: 200 }, (_, index) => start + ((end - start) * BigInt(index)) / 200n),
    );
  const frames = nameFrames('/proc', own, BigUint64Array.from([...addresses, 1n]));
  assert.ok(
    frames.some(({ name, module }) => /^node::|^v8::/.test(name) && module === 'node'),
    JSON.stringify(frames.slice(0, 50)),
  );
  assert.deepEqual(frames.at(-1), { name: '', module: '' });
});

test('a process that has ended has no mappings', () => {
  assert.deepEqual(readMappings('/proc', [2 ** 22 + 1]), []);
});

test('without a look at files it is known in which one an address is', () => {
  const mapping = { start: 0x1000n, end: 0x2000n, offset: 0n, inode: '08:01 5', path: '/opt/app (deleted)' };
  const jit = { ...mapping, start: 0x3000n, end: 0x4000n, inode: '', path: '' };
  const vdso = { ...mapping, start: 0x5000n, end: 0x6000n, inode: '', path: '[vdso]' };
  const places = placeFrames(
    { process: 7, read_unix_ms: 0, mappings: [mapping, jit, vdso] },
    BigUint64Array.of(0x1fffn, 0x2000n, 0x3000n, 0x5008n),
  );
  assert.deepEqual(
    places.map(({ name, module }) => [name, module]),
    [
      ['', 'app'],
      ['', ''],
      ['', '[jit]'],
      ['', '[vdso]'],
    ],
  );
});

test('code of a runtime: lines of any order, those that are none are left out, gaps have no name', () => {
  const table = parsePerfMap(
    Buffer.from(
      '0x00000000FFFF0000 0x0000000000000040 second\n1000 20 first <with> "text"\nnonsense\n1000 zz bad\n 2000 10 indented\n1000 10 first again\n2000 10 \n20000000000000 10 far\n3000 \n4000\n0X5000 0x10 last',
    ),
  );
  const nameOf = (address: bigint): string | undefined => symbolAt(table, address);
  assert.equal(nameOf(0x100fn), 'first again+0xf');
  assert.equal(nameOf(0x1010n), undefined);
  assert.equal(nameOf(0xffff0001n), 'second+0x1');
  assert.equal(nameOf(0xffff0040n), undefined);
  for (const address of [0x2000n, 0x3000n, 0x4000n, 2n ** 53n]) assert.equal(nameOf(address), undefined);
  assert.equal(nameOf(0x500fn), 'last+0xf');
});

test('a tenant that writes a million lines of code gets the last of them named, in little memory', async () => {
  const heap_mb = 16;
  const module = JSON.stringify(new URL('../../src/decoder/perf-map.js', import.meta.url).href);
  const worker = new Worker(
    `import(${module}).then(({ parsePerfMap, MAX_PERF_MAP_BYTES, MAX_PERF_MAP_LINES }) => {
       const text = Buffer.alloc(MAX_PERF_MAP_BYTES);
       let bytes = 0;
       for (let n = 0; bytes + 16 < text.length; n++) bytes += text.write((n * 16).toString(16) + ' 8 f\\n', bytes);
       const { addresses } = parsePerfMap(text.subarray(0, bytes));
       require('node:worker_threads').parentPort.postMessage(addresses.length / MAX_PERF_MAP_LINES);
     });`,
    { eval: true, resourceLimits: { maxOldGenerationSizeMb: heap_mb } },
  );
  // Each has an end of its own.
  assert.deepEqual(await once(worker, 'message'), [2]);
});

/** A process of a fixture, which has a page of code that is in no file. */
class FakeProcess implements Disposable {
  readonly procfs = mkdtempSync(join(tmpdir(), 'huatuo-proc-'));
  readonly temporary: string;
  readonly mappings: ProcessMappings = {
    process: 7,
    read_unix_ms: Date.now(),
    mappings: [{ start: 0x1000n, end: 0x2000n, offset: 0n, inode: '', path: '' }],
  };

  constructor() {
    this.temporary = join(this.procfs, '7/root/tmp');
    mkdirSync(this.temporary, { recursive: true });
    writeFileSync(join(this.procfs, '7/status'), 'Name:\tjit\nNSpid:\t7\t3\n');
  }

  name(address: bigint): string {
    return nameFrames(this.procfs, this.mappings, BigUint64Array.of(address))[0]?.name ?? '';
  }

  [Symbol.dispose](): void {
    rmSync(this.procfs, { recursive: true });
  }
}

test('code of a runtime is looked for where the process has its /tmp, by the id it has there', () => {
  using process = new FakeProcess();
  assert.deepEqual(nameFrames(process.procfs, process.mappings, BigUint64Array.of(0x1008n)), [
    { name: '', module: '[jit]' },
  ]);
  writeFileSync(join(process.temporary, 'perf-3.map'), '1000 100 LazyCompile:~render app.js:1\n');
  assert.equal(process.name(0x1008n), 'LazyCompile:~render app.js:1');
});

test('a process without a map of its code is asked for it once, however many addresses there are', (t) => {
  using process = new FakeProcess();
  const opened = t.mock.method(fs, 'openSync');
  syncBuiltinESMExports();
  nameFrames(process.procfs, process.mappings, new BigUint64Array(100).fill(0x1008n));
  opened.mock.restore();
  syncBuiltinESMExports();
  assert.equal(opened.mock.callCount(), 1);
});

test('what only looks like a map of code is not read: a link, a directory', () => {
  using process = new FakeProcess();
  const map = join(process.temporary, 'perf-3.map');
  writeFileSync(join(process.procfs, 'elsewhere'), '1000 100 stolen\n');
  symlinkSync(join(process.procfs, 'elsewhere'), map);
  assert.equal(process.name(0x1008n), '');
  rmSync(map);
  mkdirSync(map);
  assert.equal(process.name(0x1008n), '');
});

test('a map of code is parsed once while it stays as it is, and anew when the runtime has written', (t) => {
  using process = new FakeProcess();
  const path = join(process.temporary, 'perf-3.map');
  writeFileSync(path, '1000 100 first\n');
  const read = t.mock.method(fs, 'readSync');
  syncBuiltinESMExports();
  t.after(() => {
    read.mock.restore();
    syncBuiltinESMExports();
  });
  const readings = (): number => {
    const before = read.mock.callCount();
    process.name(0x1008n);
    return read.mock.callCount() - before;
  };
  const [first, again] = [readings(), readings()];
  assert.ok(first > again, `${first} ${again}`);
  appendFileSync(path, '1000 100 second\n');
  assert.equal(process.name(0x1008n), 'second');
});
