/** The command itself, as `npm run build` and users with collectors of their own start it. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { copyFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import { at } from '../../src/paths.ts';
import { temporaryDirectory } from './compiled.ts';

function build(...args: readonly string[]): {
  readonly status: number | null;
  readonly out: string;
  readonly err: string;
} {
  const result = spawnSync(process.execPath, [at('src/build/build.ts'), ...args], { encoding: 'utf8' });
  return { status: result.status, out: result.stdout, err: result.stderr };
}

function fixture(directory: string, name: string): void {
  copyFileSync(at(`test/fixtures/${name}.bpf.c`), join(directory, `${name.split('/')[1]}.bpf.c`));
}

test("a user's directory gives objects and manifests, with the modules beside them", () => {
  using sources = temporaryDirectory();
  using out = temporaryDirectory();
  fixture(sources.path, 'bpf/metric_only');
  writeFileSync(
    join(sources.path, 'from_files.js'),
    "export default { kind: 'autotracing', doc: 'Does nothing.', async start() {} };\n",
  );
  const first = build('--collectors', sources.path, '--out', out.path);
  assert.equal(first.status, 0, first.err);
  assert.match(first.out, /1 collectors, 1 rebuilt: metric_only \(\d+ ms\)/);
  assert.deepEqual(
    readdirSync(out.path).filter((name) => !name.startsWith('.')),
    [
      'from_files.description.json',
      'from_files.js',
      'metric_only.bpf.o',
      'metric_only.json',
      'node_modules',
      'package.json',
    ],
  );
  assert.equal(build('--quiet', '--collectors', sources.path, '--out', out.path).out, '');
});

test('a collector that does not compile is named with the message of the compiler, and the exit code is 1', () => {
  using sources = temporaryDirectory();
  using out = temporaryDirectory();
  fixture(sources.path, 'bpf/metric_only');
  fixture(sources.path, 'bpf-invalid/syntax_error');
  const result = build('--collectors', sources.path, '--out', out.path);
  assert.equal(result.status, 1);
  assert.match(result.err, /error: .*syntax_error\.bpf\.c: clang refused it:\n.*expected ';'/);
  assert.match(result.out, /rebuilt: metric_only/);
});

test('directories that cannot be are told before anything is made', () => {
  using out = temporaryDirectory();
  const result = build('--collectors', '/nonexistent', '--out', join(out.path, 'new'));
  assert.equal(result.status, 1);
  assert.match(result.err, /^error: expected a readable directory of collectors to build, found ENOENT/);
  assert.deepEqual([result.out, readdirSync(out.path)], ['', []]);
});

test('a command line that makes no sense gives the usage and the exit code 2', () => {
  for (const args of [['--collectors', '/tmp'], ['--unknown']]) {
    const result = build(...args);
    assert.equal(result.status, 2);
    assert.match(result.err, /Usage: node src\/build\/build\.ts/);
  }
});

test('--help is no build', () => {
  const result = build('--help');
  assert.equal(result.status, 0);
  assert.match(result.out, /--collectors DIR/);
});

test('set-up explains itself to whatever Node runs it', () => {
  const result = spawnSync(process.execPath, [at('src/build/setup.mjs'), '--help'], { encoding: 'utf8' });
  assert.equal(result.status, 0);
  assert.match(result.stdout, /Usage: npm run setup/);
});
