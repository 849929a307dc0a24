/** Whose pins are removed: only those in a directory that no other agent has, and not before the agent is known to run. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { JournalLock } from '../../src/agent/journal-lock.ts';
import { PinKeeper } from '../../src/agent/pin-keeper.ts';
import { unpin } from '../../src/cli/unpin.ts';
import type { EffectiveConfig } from '../../src/config/effective.ts';
import { lockPinDirectory } from '../../src/kernel/bpffs.ts';
import { mount } from '../../src/kernel/libc.ts';
import { memoryLog } from '../storage/journal/fixture.ts';
import { AgentProcess } from '../support/agent.ts';
import { skipWithoutBpf } from '../support/kernel.ts';

const NONE: ReadonlySet<string> = new Set();

function configOf(pin_directory: string, pin: boolean, journal = '/journal'): EffectiveConfig {
  return { bpf: { pin, pin_directory }, journal: { directory: journal } } as EffectiveConfig;
}

/** On a BPF file system of its own. */
describe('pins of other agents', { skip: skipWithoutBpf() }, () => {
  const root = mkdtempSync(join(tmpdir(), 'huatuo-keeper-'));
  const directory = join(root, 'bpffs', 'huatuo');
  const set = join(directory, 'oom', '0123456789abcdef');

  before(() => {
    mkdirSync(join(root, 'bpffs'));
    assert.equal(mount('bpf', join(root, 'bpffs'), 'mode=0700'), 0);
    mkdirSync(join(set, 'maps'), { recursive: true });
    mkdirSync(join(set, 'links'));
  });

  after(() => {
    execFileSync('umount', [join(root, 'bpffs')]);
    rmSync(root, { recursive: true, force: true });
  });

  test('stay while their agent runs, whether this one pins or not', () => {
    const log = memoryLog();
    using _other = lockPinDirectory(directory);
    using keeper = new PinKeeper(log);
    assert.throws(() => keeper.hold(configOf(directory, true)), { code: 'DIRECTORY_NOT_WRITABLE' });
    keeper.hold(configOf(directory, false));
    keeper.settle(configOf(directory, false), NONE);
    assert.ok(existsSync(set));
    assert.match(log.lines.join('\n'), /pins .* are left alone/);
  });

  test('stay when this one does not start, because its journal is in use', async () => {
    const journal = join(root, 'journal');
    mkdirSync(journal, { mode: 0o700 });
    using lock = new JournalLock();
    lock.hold(journal);
    const config = { journal: { directory: journal }, bpf: { pin_directory: directory } };
    const { code, stderr } = await AgentProcess.run({ config, only: ['loadavg'] });
    assert.equal(code, 1);
    assert.match(stderr, /JOURNAL_FAILED/);
    assert.ok(existsSync(set));
  });

  test('stay while their agent is down, when this one pins nothing and has another journal', () => {
    const log = memoryLog();
    {
      using first = new PinKeeper(log);
      first.hold(configOf(directory, true));
      first.settle(configOf(directory, true), new Set(['oom']));
    }
    using keeper = new PinKeeper(log);
    keeper.settle(configOf(directory, false, '/other'), NONE);
    assert.ok(existsSync(set));
    assert.match(log.lines.join('\n'), /pins of an agent with another journal are left alone/);
  });

  test('are not removed by hand while their agent runs', () => {
    {
      using _running = lockPinDirectory(directory);
      assert.throws(() => unpin(directory), {
        code: 'DIRECTORY_NOT_WRITABLE',
        message: /stop that agent first/,
      });
    }
    assert.ok(existsSync(set));
  });

  test('a directory that cannot be had leaves this agent the one it has', () => {
    const [mine, other] = [join(root, 'bpffs', 'mine'), join(root, 'bpffs', 'other')];
    mkdirSync(other);
    using _other = lockPinDirectory(other);
    using keeper = new PinKeeper(memoryLog());
    keeper.hold(configOf(mine, true));
    assert.throws(() => keeper.hold(configOf(other, true)), { code: 'DIRECTORY_NOT_WRITABLE' });
    assert.equal(keeper.directory, mine);
    assert.throws(() => lockPinDirectory(mine), { code: 'DIRECTORY_NOT_WRITABLE' });
  });

  test('a directory that was left is locked until its collectors have stopped', () => {
    const [first, second] = [join(root, 'bpffs', 'first'), join(root, 'bpffs', 'second')];
    using keeper = new PinKeeper(memoryLog());
    keeper.hold(configOf(first, true));
    keeper.hold(configOf(second, true));
    assert.throws(() => lockPinDirectory(first), { code: 'DIRECTORY_NOT_WRITABLE' });
    // A reload that is refused afterwards goes back to it.
    keeper.hold(configOf(first, true));
    keeper.settle(configOf(first, true), NONE);
    assert.throws(() => lockPinDirectory(first), { code: 'DIRECTORY_NOT_WRITABLE' });
    lockPinDirectory(second)[Symbol.dispose]();
  });

  test('of collectors that are not pinned any more go once the directory is free', () => {
    using keeper = new PinKeeper(memoryLog());
    keeper.settle(configOf(directory, false), NONE);
    assert.equal(existsSync(set), false);
    lockPinDirectory(directory)[Symbol.dispose]();
    assert.equal(unpin(directory), `nothing is pinned in ${directory}`);
    assert.equal(existsSync(directory), false);
  });
});
