/** `huatuo profile` as one types it, of a real process, into files of several kinds. */
import assert from 'node:assert/strict';
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  copyFileSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { gunzipSync } from 'node:zlib';
import { at } from '../../src/paths.ts';
import { skipWithoutController } from '../support/cgroup.ts';
import { CompiledProgram } from '../support/compiled-program.ts';
import { skipWithoutRuntime, TestContainer } from '../support/container.ts';
import { skipWithoutPrograms } from '../support/container-programs.ts';
import { CpuUnit } from '../support/cpu-container.ts';
import { eventually } from '../support/eventually.ts';
import { skipWithoutBpf } from '../support/kernel.ts';
import { RunningProgram } from '../support/running-program.ts';

const run = promisify(execFile);
const skip = skipWithoutBpf() || skipWithoutPrograms('cc');

test('a profile of a process without an agent: files of several kinds, and the functions on the terminal', {
  skip,
}, async () => {
  const directory = mkdtempSync(join(tmpdir(), 'huatuo-profile-'));
  try {
    using program = new CompiledProgram('profiled', '-O0', '-fno-omit-frame-pointer');
    await using burner = await RunningProgram.start(program.path, 'burn');
    const profile = async (file: string): Promise<{ stdout: string; content: Buffer }> => {
      const argv = ['profile', '--pid', `${burner.pid}`, '--duration', '500ms', '-o', join(directory, file)];
      const { stdout } = await run(at('src/cli/huatuo'), argv);
      return { stdout, content: readFileSync(join(directory, file)) };
    };
    const { stdout, content } = await profile('a.folded');
    assert.match(stdout, /^\d+ samples in \d+\.\d s; 0 lost \(0 %\); \d+ of \d+ frames without a name/);
    assert.match(stdout, /^ +\d+\.\d % +\S+ [mµ]?s {2}hot_function$/m);
    assert.match(content.toString(), /main;hot_function \d+\n/);
    assert.match((await profile('a.html')).content.toString(), /"hot_function"/);
    assert.ok(gunzipSync((await profile('a.pprof')).content).includes('hot_function'));
  } finally {
    rmSync(directory, { recursive: true });
  }
});

test('a profile of what does not run replaces no file, and says so', { skip }, async () => {
  const directory = mkdtempSync(join(tmpdir(), 'huatuo-profile-'));
  const idle = spawn('sleep', ['1000'], { stdio: 'ignore' });
  try {
    await eventually('it to sleep', () =>
      /\(sleep\) S /.test(readFileSync(`/proc/${idle.pid}/stat`, 'utf8')),
    );
    const file = join(directory, 'a.folded');
    writeFileSync(file, 'of before');
    const argv = ['profile', '--pid', `${idle.pid}`, '--duration', '200ms', '-o', file];
    const child = spawn(at('src/cli/huatuo'), argv, { stdio: ['ignore', 'ignore', 'pipe'] });
    const { code, said } = await ended(child);
    assert.equal(code, 1, said);
    assert.match(said, /expected a sample, found none: nothing is written; it did not run meanwhile/);
    assert.equal(readFileSync(file, 'utf8'), 'of before');
  } finally {
    idle.kill();
    rmSync(directory, { recursive: true });
  }
});

const ended = (child: ChildProcess): Promise<{ code: number | null; said: string }> => {
  let said = '';
  child.stderr?.on('data', (text) => {
    said += text;
  });
  return once(child, 'close').then(([code]) => ({ code: code as number | null, said }));
};

/** Whether it holds signals: Node itself catches SIGINT from its first moment on, and SIGHUP never. */
const catches = (pid: number): boolean => {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  return (Number.parseInt(/^SigCgt:.*(\w{8})$/m.exec(status)?.[1] ?? '0', 16) & 1) !== 0;
};

for (const [when, isTime] of [
  ['as soon as it can be', catches],
  ['while it samples', (pid: number) => samples(pid)],
] as const) {
  test(`a profile that is interrupted ${when} writes what there is, or says that there is nothing`, {
    skip,
  }, async () => {
    const directory = mkdtempSync(join(tmpdir(), 'huatuo-profile-'));
    try {
      using program = new CompiledProgram('profiled', '-O0', '-fno-omit-frame-pointer');
      await using burner = await RunningProgram.start(program.path, 'burn');
      const file = join(directory, 'a.folded');
      const argv = ['profile', '--pid', `${burner.pid}`, '--duration', '10m', '-o', file];
      const child = spawn(at('src/cli/huatuo'), argv, { stdio: ['ignore', 'ignore', 'pipe'] });
      const end = ended(child);
      await eventually('the moment', () => isTime(child.pid ?? 0));
      if (isTime !== catches) await untilUsed(burner.pid, 50);
      child.kill('SIGINT');
      const { code, said } = await end;
      if (isTime === catches && code !== 0) {
        assert.deepEqual([code, existsSync(file)], [1, false]);
        assert.match(said, /expected a sample before the interrupt, found none: nothing is written/);
      } else {
        assert.equal(code, 0, said);
        assert.match(readFileSync(file, 'utf8'), /main;hot_function \d+\n/);
      }
    } finally {
      rmSync(directory, { recursive: true });
    }
  });
}

/** Whether it has attached its programs. */
function samples(pid: number): boolean {
  return readdirSync(`/proc/${pid}/fd`).some((fd) => {
    try {
      return readlinkSync(`/proc/${pid}/fd/${fd}`).includes('perf_event');
    } catch {
      return false;
    }
  });
}

async function untilUsed(pid: number, ticks: number): Promise<void> {
  const used = (): number => Number(readFileSync(`/proc/${pid}/stat`, 'utf8').split(' ')[13]);
  const before = used();
  await eventually('CPU time of the program', () => used() >= before + ticks);
}

test('a profile of a process that ends meanwhile is over then, and has what it did', { skip }, async () => {
  const directory = mkdtempSync(join(tmpdir(), 'huatuo-profile-'));
  try {
    using program = new CompiledProgram('profiled', '-O0', '-fno-omit-frame-pointer');
    const file = join(directory, 'ended.folded');
    let end: ReturnType<typeof ended>;
    {
      await using burner = await RunningProgram.start(program.path, 'burn');
      const argv = ['profile', '--pid', `${burner.pid}`, '--duration', '10m', '-o', file];
      const child = spawn(at('src/cli/huatuo'), argv, { stdio: ['ignore', 'ignore', 'pipe'] });
      end = ended(child);
      await eventually('it to sample', () => samples(child.pid ?? 0));
      await untilUsed(burner.pid, 100);
    }
    const { code, said } = await end;
    assert.equal(code, 0, said);
    assert.match(said, /process \d+ has ended; this is what it did until then/);
    assert.match(readFileSync(file, 'utf8'), /main;hot_function \d+\n/);
  } finally {
    rmSync(directory, { recursive: true });
  }
});

test('a profile of a systemd unit: what runs in it, by the name of the unit', {
  skip: skip || skipWithoutController('cpu'),
}, async () => {
  const directory = mkdtempSync(join(tmpdir(), 'huatuo-profile-'));
  try {
    using program = new CompiledProgram('profiled', '-O0', '-fno-omit-frame-pointer');
    await using unit = new CpuUnit('profiled');
    await using beside = await RunningProgram.start(program.path, 'ask');
    await using burner = await RunningProgram.start(program.path, 'burn');
    unit.add(burner.pid);
    const file = join(directory, 'unit.folded');
    const argv = ['profile', '--unit', unit.id, '--duration', '500ms', '-o', file];
    await run(at('src/cli/huatuo'), argv);
    const folded = readFileSync(file, 'utf8');
    assert.match(folded, /main;hot_function \d+\n/);
    assert.doesNotMatch(folded, /asking_function/, `${beside.pid} is not of the unit`);
  } finally {
    rmSync(directory, { recursive: true });
  }
});

test('a profile of a container: what runs in it, by the names of a file that only it sees', {
  skip: skip || skipWithoutRuntime('runc'),
}, async () => {
  const directory = mkdtempSync(join(tmpdir(), 'huatuo-profile-'));
  try {
    using program = new CompiledProgram('profiled', '-O0', '-static');
    await using beside = await RunningProgram.start(program.path, 'burn');
    await using container = await TestContainer.start({
      runtime: 'runc',
      args: ['/profiled', 'burn'],
      held: true,
    });
    copyFileSync(program.path, join(container.bundle, 'rootfs/profiled'));
    container.release();
    await eventually('the program', () => container.output.includes('began'));
    const file = join(directory, 'container.folded');
    const argv = ['profile', '--container', container.id.slice(0, 20), '--duration', '1s', '-o', file];
    await run(at('src/cli/huatuo'), argv);
    const lines = readFileSync(file, 'utf8').trim().split('\n');
    assert.ok(
      lines.some((line) => /;main;hot_function \d+$/.test(line)),
      lines.join('\n'),
    );
    const samples = lines.reduce((sum, line) => sum + Number(line.split(' ').at(-1)), 0);
    assert.ok(samples <= 99 * 1.5, `${samples} samples, with those of ${beside.pid}`);
  } finally {
    rmSync(directory, { recursive: true });
  }
});
