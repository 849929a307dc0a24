import assert from 'node:assert/strict';
import { join, resolve } from 'node:path';
import { test } from 'node:test';
import { type Invocation, parseCommandLine, peekCommandLine } from '../../src/cli/command-line.ts';
import { HuatuoError } from '../../src/error.ts';
import { FIXTURES, testCatalog } from '../config/collectors.ts';
import { matchesGolden } from '../config/golden.ts';

const catalog = await testCatalog();
const parse = (...argv: string[]): Invocation => parseCommandLine(argv, catalog);

function overrides(...argv: string[]): unknown[] {
  const invocation = parse(...argv);
  assert.ok('flags' in invocation);
  return invocation.flags.overrides.map(({ path, value }) => [path.join('.'), value]);
}

function usageOf(...argv: string[]): string {
  try {
    parse(...argv);
  } catch (error) {
    assert.ok(error instanceof HuatuoError);
    assert.equal(error.code, 'USAGE');
    return error.message;
  }
  throw new assert.AssertionError({ message: 'accepted' });
}

test('without a command it runs', () => {
  const nothing = { file: undefined, overrides: [], disableDefaults: false };
  assert.deepEqual(parse(), { command: 'run', flags: nothing });
  assert.deepEqual(parse('run'), { command: 'run', flags: nothing });
});

test('flags of the Prometheus family set keys of the file, with a space or with =', () => {
  assert.deepEqual(overrides('--log.level', 'debug', '--web.listen-address=:9', '--region=eu'), [
    ['region', 'eu'],
    ['log.level', 'debug'],
    ['web.listen_address', ':9'],
  ]);
});

test('a directory is built for one that is named', () => {
  const built = { command: 'build', directory: 'mine', out: 'built' };
  assert.deepEqual(parse('build', 'mine', '--out', 'built'), built);
  assert.match(usageOf('build', 'mine'), /--out.*; see huatuo build --help$/);
});

test('flags stand before or after the command', () => {
  assert.deepEqual(overrides('--log.level=warn', 'check'), overrides('check', '--log.level=warn'));
});

test('paths of the command line are meant from the working directory', () => {
  assert.deepEqual(overrides('--path.procfs=host/proc', '--path.collectors=a', '--path.collectors', '/b'), [
    ['path.procfs', resolve('host/proc')],
    ['path.collectors', [resolve('a'), '/b']],
  ]);
  // Nothing is no directory: the schema refuses it, or has none where none may be.
  assert.deepEqual(overrides('--journal.directory', '', '--web.config.file='), [
    ['web.config_file', ''],
    ['journal.directory', ''],
  ]);
});

test('each collector is switched by its name or by the name that users know', () => {
  assert.deepEqual(overrides('--collector.busy', '--no-collector.netrecvlat'), [
    ['collectors.busy.enabled', true],
    ['collectors.net_rx_latency.enabled', false],
  ]);
  assert.deepEqual(overrides('--collector.busy', '--no-collector.busy'), [
    ['collectors.busy.enabled', false],
  ]);
});

test('check takes the file as an argument or as a flag', () => {
  for (const argv of [
    ['check', 'a.yaml'],
    ['check', '--config.file=a.yaml'],
    ['check', '--collector.busy', 'a.yaml'],
  ]) {
    const invocation = parse(...argv);
    assert.ok(invocation.command === 'check');
    assert.equal(invocation.flags.file, 'a.yaml');
    assert.equal(invocation.show, 'summary');
  }
  assert.match(usageOf('check', 'a', '--config.file=b'), /expected one configuration file/);
});

test('a mistake in the command line is answered with a suggestion', () => {
  assert.match(usageOf('chekc'), /^unknown command 'chekc'; did you mean check\? See huatuo --help$/);
  assert.match(usageOf('--log.levle=info'), /^unknown option '--log\.levle'; did you mean --log\.level\?/);
  assert.match(usageOf('--collector.bussy'), /did you mean --collector\.busy\?/);
  assert.match(usageOf('list', '--frobnicate'), /^unknown option '--frobnicate'; see huatuo --help$/);
  assert.match(usageOf('--config.file'), /argument missing/);
  assert.match(usageOf('check', 'a', 'b'), /too many arguments/);
  assert.match(usageOf('list', '-o', 'xml'), /Allowed choices are table, json;/);
  assert.match(usageOf('check', '--print', '--schema'), /cannot be used with/);
});

test('file and directories are found before the collectors are known', () => {
  const { command, flags } = peekCommandLine([
    '--collector.unheard_of',
    'check',
    'f.yaml',
    '--path.collectors=/x',
    '--help',
    '--nonsense',
  ]);
  assert.equal(command, 'check');
  assert.equal(flags.file, 'f.yaml');
  assert.deepEqual(
    flags.overrides.map(({ value }) => value),
    [['/x']],
  );
});

test('the help teaches', () => {
  const invocation = parse('--help');
  assert.ok(invocation.command === 'print');
  matchesGolden(join(FIXTURES, 'help.golden'), invocation.text);
});
