/** `huatuo profile` as one types it, of a real process, into files of several kinds. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { copyFileSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { gunzipSync } from 'node:zlib';
import { at } from '../../src/paths.ts';
import { CompiledProgram } from '../support/compiled-program.ts';
import { skipWithoutRuntime, TestContainer } from '../support/container.ts';
import { skipWithoutPrograms } from '../support/container-programs.ts';
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
