/** Every kind of look-up, from a program in the kernel to the finished document. */
import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { Lookups } from '../../src/collector/lookups.ts';
import { ContainersClient } from '../../src/containers/client.ts';
import { Decoder, decoderNeeds } from '../../src/decoder/decoder.ts';
import { lookupCalls } from '../../src/kernel/lookup-calls.ts';
import { MappedRing } from '../../src/kernel/ring.ts';
import { at } from '../../src/paths.ts';
import { hostNetns } from '../../src/procfs/device-names.ts';
import { builtCollectors } from '../support/flood.ts';
import { HOST_PATHS, skipWithoutBpf } from '../support/kernel.ts';
import { LoadedFixture } from '../support/loaded-object.ts';

interface LookedUp {
  readonly cgroup_id: number;
  readonly reason: string | number;
  readonly disk: string;
  readonly netns: string;
  readonly device: string;
  readonly stack: readonly string[];
  readonly task: { readonly pid: number; readonly user_stack: readonly string[] };
}

describe('look-ups', { skip: skipWithoutBpf() }, () => {
  const directory = mkdtempSync(join(tmpdir(), 'huatuo-lookups-'));
  const program = join(directory, 'renames');
  const containers = new ContainersClient(0);
  const [disk = ''] = readdirSync('/sys/dev/block');
  const [major = 0, minor = 0] = disk.split(':').map(Number);
  let fixture: LoadedFixture;
  let ring: MappedRing;
  let decoder: Decoder;
  let lookups: Lookups;

  before(async () => {
    const source = at('test/fixtures/programs/renames.c');
    const compile = (buildId: string, out: string, ...more: readonly string[]): void => {
      const flags = ['-O0', '-fno-omit-frame-pointer', `-Wl,--build-id=${buildId}`, ...more];
      execFileSync('cc', [...flags, '-o', out, source]);
    };
    compile('sha1', program);
    compile('0xdeadbeef', `${program}-stripped`, '-s');
    const netns = BigInt(hostNetns('/proc') ?? 0);
    const options = { reason: 2n, disk: BigInt((major << 20) | minor), device: 1n, netns };
    fixture = await LoadedFixture.load('collectors/lookups', 'looked_up', options);
    const layout = fixture.object.manifest.event!;
    const needs = decoderNeeds(layout, 1 << 16);
    ring = new MappedRing(fixture.mapFd('events'), fixture.mapFd('ledger_commits'), needs);
    decoder = Decoder.create({
      wasm: readFileSync(join(await builtCollectors('collectors/lookups'), 'looked_up.wasm')),
      layout,
      sharedMemory: ring.sharedMemory,
      envelope: { idPrefix: 'p-', hostname: 'h', region: 'r' },
    });
    lookups = new Lookups(decoder, { containers, kernel: lookupCalls('/proc'), paths: HOST_PATHS });
    await fixture.object.attach();
  });
  after(() => {
    lookups[Symbol.dispose]();
    decoder[Symbol.dispose]();
    ring[Symbol.dispose]();
    fixture[Symbol.dispose]();
    rmSync(directory, { recursive: true });
  });

  /** The document of a program that renames itself, read while it lives. */
  async function documentOf(command: string, ...options: readonly string[]): Promise<LookedUp> {
    const child = spawn(command, options, { stdio: ['pipe', 'pipe', 'inherit'] });
    try {
      await once(child.stdout, 'data');
      const documents = await read();
      const own = documents.filter(({ task }) => task.pid === child.pid);
      assert.equal(own.length, 1);
      return own[0]!;
    } finally {
      const ended = once(child, 'exit');
      child.stdin.end();
      await ended;
    }
  }

  async function read(): Promise<readonly LookedUp[]> {
    decoder.beginBatch('now', 0n);
    let result = decoder.decode();
    while (result.status === 'lookup_miss') {
      await lookups.answer(result.lookups);
      result = decoder.decode();
    }
    decoder.commit(decoder.readPosition);
    const lines = Buffer.from(decoder.output()).toString().trimEnd().split('\n');
    return lines.map((line) => (JSON.parse(line) as { tracer_data: LookedUp }).tracer_data);
  }

  test('enum, devices, namespace and kernel stack have the names this kernel has for them', async () => {
    const { reason, netns, device, stack, ...document } = await documentOf(program);
    assert.equal(reason, 'NOT_SPECIFIED');
    assert.equal(netns, 'host');
    assert.equal(device, 'lo');
    assert.match(readFileSync(`/sys/block/${document.disk}/dev`, 'utf8'), new RegExp(`^${disk}\\n`));
    const known = stack.filter((frame) => /^[\w.]+\+0x[0-9a-f]+$/.test(frame));
    assert.deepEqual(known, stack, 'every frame has a symbol');
    assert.ok(stack.some((frame) => frame.startsWith('__x64_sys_prctl+') || frame.includes('prctl')));
  });

  test('a user frame is a symbol of its file', async () => {
    const { task } = await documentOf(program);
    const names = task.user_stack.map((frame) => frame.replace(/\+0x[0-9a-f]+$/, ''));
    assert.deepEqual(names.slice(0, 3), ['inner_function', 'outer_function', 'main']);
  });

  test('without a symbol it is the file, its build id and the offset', async () => {
    const { task } = await documentOf(`${program}-stripped`);
    const [first = '', second = ''] = task.user_stack;
    assert.match(first, /^renames-stripped\[deadbeef\]\+0x[0-9a-f]+$/);
    assert.match(second, /^renames-stripped\[deadbeef\]\+0x[0-9a-f]+$/);
    assert.notEqual(first, second);
  });

  test('code that is in no file is its address', async () => {
    const { task } = await documentOf(program, 'jit');
    assert.match(task.user_stack[0] ?? '', /^\[unknown\]\+0x[0-9a-f]+$/);
    assert.match(task.user_stack[1] ?? '', /^outer_function\+0x/);
  });
});
