import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import {
  isNamespaceInit,
  parseNamespaceLink,
  parseStartTime,
  readInitProcess,
} from '../../src/procfs/init-process.ts';
import { eventually } from '../support/eventually.ts';

/** A cgroup with processes, and a procfs that knows some of them. */
class Fixture implements Disposable {
  readonly root: string = mkdtempSync(join(tmpdir(), 'huatuo-init-'));
  readonly procfs: string = join(this.root, 'proc');

  constructor(pids: readonly number[]) {
    writeFileSync(join(this.root, 'cgroup.procs'), pids.map((pid) => `${pid}\n`).join(''));
  }

  /** @param inner pid in its own namespace, undefined on the host's */
  process(pid: number, inner: number | undefined, { ticks = 250, net = 'net:[4026531840]' } = {}): void {
    const directory = join(this.procfs, String(pid));
    mkdirSync(join(directory, 'ns'), { recursive: true });
    const nspid = inner === undefined ? `${pid}` : `${pid}\t${inner}`;
    writeFileSync(join(directory, 'status'), `Name:\tx\nNSpid:\t${nspid}\nNSpgid:\t1\n`);
    writeFileSync(join(directory, 'stat'), `${pid} (a) b) S ${'0 '.repeat(18)}${ticks} 0 0\n`);
    symlinkSync(net, join(directory, 'ns/net'));
  }

  read() {
    return readInitProcess(this.procfs, this.root);
  }

  [Symbol.dispose](): void {
    rmSync(this.root, { recursive: true });
  }
}

test('it is the process that is number 1 of a namespace of its own, wherever it stands in the list', () => {
  using fixture = new Fixture([30, 40, 50]);
  fixture.process(30, undefined);
  fixture.process(40, 7);
  fixture.process(50, 1, { ticks: 12_345, net: 'net:[77]' });
  assert.deepEqual(fixture.read(), {
    pid: 50,
    netnsInode: 77,
    started_seconds: 123.45,
    isNamespaceInit: true,
  });
});

test('without such a one it is the oldest, and that is said', () => {
  using fixture = new Fixture([30, 40, 50]);
  fixture.process(30, undefined, { ticks: 300 });
  fixture.process(40, 7);
  assert.deepEqual([fixture.read()?.pid, fixture.read()?.isNamespaceInit], [40, false]);
});

test('an empty cgroup, one that is gone, and one whose processes have just ended have none', () => {
  using empty = new Fixture([]);
  assert.equal(empty.read(), undefined);
  assert.equal(readInitProcess('/proc', join(empty.root, 'gone')), undefined);
  using ended = new Fixture([30]);
  assert.equal(ended.read(), undefined);
});

test('a process of which procfs shows only a part is none', () => {
  using fixture = new Fixture([30]);
  fixture.process(30, 1, { net: 'mnt:[1]' });
  assert.equal(fixture.read(), undefined);
});

test('a fork bomb costs no more than its first processes', () => {
  const pids = Array.from({ length: 10_000 }, (_, index) => index + 2);
  using fixture = new Fixture(pids);
  for (const pid of [2, 9_999]) fixture.process(pid, pid === 2 ? undefined : 1);
  assert.equal(fixture.read()?.pid, 2);
});

test('formats', () => {
  assert.equal(isNamespaceInit('NSpid:\t4711\t23\t1\n'), true);
  assert.equal(isNamespaceInit('NSpid:\t1\n'), false, 'the init of the host');
  assert.equal(isNamespaceInit('Name:\tNSpid:\t9\t1\n'), false, 'a name is no field');
  assert.equal(isNamespaceInit(''), false);
  assert.equal(parseNamespaceLink('net:[4026531840]'), 4_026_531_840);
  for (const wrong of ['', 'mnt:[1]', 'net:[x]', 'net:[1]\n', 'xnet:[1]'])
    assert.equal(parseNamespaceLink(wrong), undefined, wrong);
  assert.equal(parseStartTime(`1 (a) (b) c) S ${'0 '.repeat(18)}100 0`), 1);
  for (const wrong of ['', '1 (a) S 0 0', `1 (a) S ${'0 '.repeat(18)}x 0`])
    assert.equal(parseStartTime(wrong), undefined, wrong);
});

test('a real process of its own pid and network namespace', {
  skip: process.geteuid?.() !== 0 && 'not run as root',
}, async () => {
  const before_seconds = Number(readFileSync('/proc/uptime', 'utf8').split(' ')[0]);
  const unshare: ChildProcess = spawn('unshare', ['--pid', '--net', '--fork', '--kill-child', 'sleep', '60']);
  const directory = mkdtempSync(join(tmpdir(), 'huatuo-init-'));
  try {
    const children = `/proc/${unshare.pid}/task/${unshare.pid}/children`;
    const child = await eventually('the namespace', () => readFileSync(children, 'utf8').trim() || undefined);
    writeFileSync(join(directory, 'cgroup.procs'), `${unshare.pid}\n${child}\n`);
    const init = readInitProcess('/proc', directory);
    assert.equal(init?.pid, Number(child));
    assert.equal(init.isNamespaceInit, true);
    assert.equal(init.netnsInode, statSync(`/proc/${child}/ns/net`).ino);
    assert.notEqual(init.netnsInode, statSync('/proc/self/ns/net').ino);
    assert.ok(init.started_seconds >= before_seconds - 0.02);
  } finally {
    unshare.kill('SIGKILL');
    await once(unshare, 'exit');
    rmSync(directory, { recursive: true });
  }
});
