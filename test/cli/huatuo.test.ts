/** The binary itself, as a user starts it. */
import assert from 'node:assert/strict';
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync, readlinkSync, realpathSync, symlinkSync, writeFileSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { parse } from 'yaml';
import { ReloadSocket } from '../../src/agent/reload-socket.ts';
import { at } from '../../src/paths.ts';
import { bpfFiles, directoryWith, FIXTURES, moduleFile } from '../config/collectors.ts';
import { SmallDisk } from '../storage/elasticsearch/small-disk.ts';
import { memoryLog, tempDirectory } from '../storage/journal/fixture.ts';
import { eventually } from '../support/eventually.ts';

const BINARY = at('src/cli/huatuo');

function huatuo(argv: readonly string[], options: { env?: Record<string, string> } = {}) {
  const env = { ...process.env, HUATUO_CONFIG_FILE: '', ...options.env };
  return spawnSync(BINARY, argv, { encoding: 'utf8', env });
}

test('a valid file: exit code 0, a summary on stdout', () => {
  using directory = directoryWith({ 'ok.yaml': 'region: eu\n' });
  const { status, stdout } = huatuo(['check', join(directory.path, 'ok.yaml')]);
  assert.equal(status, 0);
  assert.match(stdout, /^ok: .*ok\.yaml, \d+ of \d+ collectors enabled\n$/);
});

test('who reads a pipe slowly gets all of it, however much that is', () => {
  // A pipe takes 64 KiB at once: the rest waits in the command, which has nothing else to do then.
  const script = '"$0" check --schema | { read -r first; sleep 0.5; printf "%s" "$first"; cat; }';
  const env = { ...process.env, HUATUO_CONFIG_FILE: '' };
  const { stdout } = spawnSync('/bin/sh', ['-c', script, BINARY], { encoding: 'utf8', env });
  assert.ok(stdout.length > 65_536);
  assert.ok('properties' in (JSON.parse(stdout) as object));
});

test('a wrong configuration: exit code 78, every fault on stderr, nothing on stdout', () => {
  for (const command of ['check', 'list', 'run']) {
    const { status, stdout, stderr } = huatuo([command, '--config.file', join(FIXTURES, 'unknown-key.conf')]);
    assert.equal(status, 78, stderr);
    assert.equal(stdout, '');
    assert.match(stderr, /unknown-key\.conf:2:3: log\.levle: found an unknown key.*did you mean level\?/);
  }
  assert.equal(huatuo(['check', '/nonexistent.yaml']).status, 78);
});

test('a configuration from a pipe is checked like one from a file', () => {
  const script = (text: string) => `echo '${text}' | "$0" check /dev/stdin`;
  const env = { ...process.env, HUATUO_CONFIG_FILE: '' };
  const check = (text: string) =>
    spawnSync('/bin/sh', ['-c', script(text), BINARY], { encoding: 'utf8', env });
  assert.equal(check('region: eu').status, 0);
  const { status, stderr } = check('regionn: x');
  assert.equal(status, 78);
  assert.match(stderr, /\/dev\/stdin:1:1: regionn: found an unknown key/);
});

test('a check of a FIFO to which none writes says what it waits for, and goes on when one does', async () => {
  using directory = directoryWith({});
  const fifo = join(directory.path, 'fifo.yaml');
  execFileSync('mkfifo', [fifo]);
  const check = spawn(BINARY, ['check', fifo], { env: { ...process.env, HUATUO_CONFIG_FILE: '' } });
  const ended = once(check, 'exit');
  let said = '';
  check.stderr.setEncoding('utf8').on('data', (text: string) => {
    said += text;
  });
  await eventually('the reason', () => said.includes('\n'));
  assert.equal(said, `huatuo: waiting for a process that writes the configuration to the FIFO ${fifo}\n`);
  writeFileSync(fifo, 'region: eu\n');
  assert.deepEqual(await ended, [0, null]);
});

test('an empty pipe is an empty configuration', () => {
  const env = { ...process.env, HUATUO_CONFIG_FILE: '' };
  const { status, stdout } = spawnSync('/bin/sh', ['-c', ': | "$0" check /dev/stdin', BINARY], {
    encoding: 'utf8',
    env,
  });
  assert.match(stdout, /^ok: /);
  assert.equal(status, 0);
});

test('a filter that is none: exit code 2, and how one is written', () => {
  const { status, stdout, stderr } = huatuo(['events', '--filter', 'drop table events']);
  assert.deepEqual([status, stdout], [2, '']);
  assert.match(stderr, /expected PATH OPERATOR VALUE in a filter, found "drop table events"; write e\.g\. /);
});

test('a wrong command line: exit code 2, a suggestion on stderr', () => {
  const { status, stdout, stderr } = huatuo(['lsit']);
  assert.deepEqual([status, stdout], [2, '']);
  assert.match(stderr, /^huatuo: unknown command 'lsit'; did you mean list\?/);
});

test('the file of the environment is used when no flag names one', () => {
  const env = { HUATUO_CONFIG_FILE: join(FIXTURES, 'bad-size.conf') };
  assert.equal(huatuo(['check'], { env }).status, 78);
  using directory = directoryWith({ 'ok.yaml': '' });
  assert.equal(huatuo(['check', join(directory.path, 'ok.yaml')], { env }).status, 0);
});

test('a file that the agent would need later and that is not there is an error of the check', () => {
  const elasticsearch = {
    hosts: ['http://127.0.0.1:9'],
    username: 'u',
    password_file: '/nonexistent/password',
  };
  using directory = directoryWith({
    'es.yaml': JSON.stringify({ elasticsearch }),
    'off.yaml': JSON.stringify({ elasticsearch: { ...elasticsearch, hosts: [] } }),
    'web.yaml': JSON.stringify({ web: { config_file: '/nonexistent/web.yml' } }),
    'hash.yaml': JSON.stringify({ web: { config_file: '/dev/null' } }),
  });
  const check = (file: string) => huatuo(['check', join(directory.path, file)]);
  assert.equal(check('es.yaml').status, 78);
  assert.match(check('es.yaml').stderr, /es\.yaml:1:\d+: elasticsearch\.password_file: .*\(ENOENT\)/);
  assert.equal(check('off.yaml').status, 0);
  assert.match(check('web.yaml').stderr, /web\.config_file: .*\(ENOENT\)/);
  assert.match(check('hash.yaml').stderr, /not a regular file/);
});

test('what this host does not have is a warning of the check, not an error', () => {
  const cpu = { affinity: [1023], quota: 4096 };
  using directory = directoryWith({ 'ok.yaml': JSON.stringify({ collectors: { softirq: { cpu } } }) });
  const { status, stderr, stdout } = huatuo(['check', join(directory.path, 'ok.yaml')]);
  assert.equal(status, 0, stderr);
  assert.match(stdout, /^ok: .* collectors enabled, 2 warnings\n$/);
  assert.match(stderr, /warning: collectors\.softirq\.cpu\.affinity names CPU \d+; this host has/);
  assert.match(stderr, /warning: collectors\.softirq\.cpu\.quota is 4096 CPUs; this host has/);
});

test('a name that this kernel does not have is a warning of the check, with the one that may be meant', (t) => {
  if (!existsSync('/sys/kernel/btf/vmlinux')) return t.skip('this kernel does not tell its names');
  const suppress = ['NO_SOCKETS', 'TCP_FLAGS'];
  using directory = directoryWith({
    'on.yaml': JSON.stringify({ collectors: { dropwatch: { enabled: true, suppress } } }),
    'off.yaml': JSON.stringify({ collectors: { dropwatch: { suppress } } }),
  });
  const { status, stderr } = huatuo(['check', join(directory.path, 'on.yaml')]);
  assert.equal(status, 0, stderr);
  assert.deepEqual(
    stderr.split('\n').filter((line) => line.includes('dropwatch')),
    [
      'huatuo: warning: collectors.dropwatch.suppress names "NO_SOCKETS", which this kernel does not have; did you mean NO_SOCKET?',
    ],
  );
  assert.doesNotMatch(huatuo(['check', join(directory.path, 'off.yaml')]).stderr, /dropwatch/);
});

test('a journal on a read-only file system is a warning of the check', {
  skip: process.geteuid?.() !== 0 && 'needs root, to mount one',
}, () => {
  using temp = tempDirectory();
  using disk = new SmallDisk(temp.path);
  using _ = disk.readOnly();
  const { status, stderr } = huatuo(['check', '--journal.directory', join(temp.path, 'new', 'journal')]);
  assert.equal(status, 0);
  assert.match(stderr, /warning: no document can be kept in journal\.directory .*EROFS/);
});

test('nothing is built into a directory of the system', () => {
  using directory = directoryWith(moduleFile('watcher'));
  const { status, stderr } = huatuo(['build', directory.path, '--out', '/etc/']);
  assert.equal(status, 2);
  assert.match(stderr, /found \/etc, a directory of the system; name one that is new/);
});

test('a check says how it is put in force when an agent runs there, and not of a socket that was left behind', () => {
  using directory = directoryWith({ 'ok.yaml': 'region: eu\n' });
  using left = directoryWith({ '.reload.sock': '' });
  using running = directoryWith({});
  using socket = new ReloadSocket(async () => '', memoryLog());
  socket.follow({ reload: { socket: '', access: 'user' }, journal: { directory: running.path } });
  const check = (place: string): string =>
    huatuo(['check', join(directory.path, 'ok.yaml'), '--journal.directory', place]).stdout;
  assert.match(check(running.path), /; an agent runs on its journal\.directory: huatuo reload /);
  for (const place of [left.path, join(directory.path, 'other')]) assert.doesNotMatch(check(place), /reload/);
});

test('a reload without an agent says where one was looked for', () => {
  using directory = directoryWith({});
  const { status, stderr } = huatuo(['reload', '--journal.directory', directory.path]);
  assert.equal(status, 1);
  assert.match(stderr, /expected an agent that answers on .*\.reload\.sock, found none/);
});

test('containers without an agent: what can be seen now, and the reason why it is all', () => {
  using directory = directoryWith({ 'ok.yaml': 'web: {listen_address: "127.0.0.1:9"}\n' });
  const file = join(directory.path, 'ok.yaml');
  const { status, stdout, stderr } = huatuo(['containers', '-o', 'json', '--config.file', file]);
  assert.equal(status, 0, stderr);
  assert.equal(JSON.parse(stdout).status.followed_by, 'walks');
  assert.match(stderr, /no agent answers on 127\.0\.0\.1:9/);
});

test('collectors of the user are listed, broken ones with the reason', () => {
  using directory = directoryWith({
    ...bpfFiles('mine'),
    ...moduleFile('watcher'),
    'bad.js': 'throw new Error("why")',
  });
  const { status, stdout } = huatuo([
    'list',
    '-o',
    'json',
    '--path.collectors',
    directory.path,
    '--no-collector.watcher',
  ]);
  assert.equal(status, 0);
  const rows = new Map((JSON.parse(stdout) as { name: string }[]).map((row) => [row.name, row]));
  assert.partialDeepStrictEqual(rows.get('watcher'), {
    kind: 'autotracing',
    enabled: false,
    state: 'supported',
  });
  assert.partialDeepStrictEqual(rows.get('mine'), { kind: 'event', enabled: true });
  assert.partialDeepStrictEqual(rows.get('bad'), {
    kind: null,
    state: 'invalid',
    reason: { code: 'COLLECTOR_INVALID' },
  });
});

test('the table of collectors has no colour when it is piped', () => {
  using directory = directoryWith(moduleFile('watcher'));
  const { status, stdout } = huatuo(['list', '--path.collectors', directory.path]);
  assert.equal(status, 0);
  assert.match(stdout, /^COLLECTOR +KIND +ENABLED +STATE +ABOUT\n/);
  assert.match(stdout, /^watcher +autotracing +yes +supported +Captures stacks when the host is busy$/m);
  assert.ok(!stdout.includes('\u001b'));
});

test('what check prints is data: YAML in force, JSON Schema, the default file', () => {
  const inForce = parse(huatuo(['check', '--print', '--log.level=warn']).stdout) as { log: object };
  assert.deepEqual(inForce.log, { level: 'warn', format: 'auto' });
  const schema = JSON.parse(huatuo(['check', '--schema']).stdout) as { properties: object };
  assert.ok('collectors' in schema.properties);
  using directory = directoryWith({ 'default.yaml': huatuo(['check', '--default']).stdout });
  assert.equal(huatuo(['check', join(directory.path, 'default.yaml')]).status, 0);
});

test('version and help go to stdout', () => {
  assert.match(huatuo(['version']).stdout, /^huatuo \d+\.\d+\.\d+ \(Node v\d+.*, Linux .*\)\n$/);
  assert.equal(
    (JSON.parse(huatuo(['version', '-o', 'json']).stdout) as { node: string }).node,
    process.version,
  );
  assert.match(huatuo(['check', '--help']).stdout, /--default(.|\n)*--config\.file/);
  assert.equal(huatuo(['--help']).status, 0);
});

/** A bundled file and what it imports before it runs. */
function importedBy(file: string, found = new Map<string, number>()): Map<string, number> {
  if (found.has(file)) return found;
  const text = readFileSync(file, 'utf8');
  found.set(file, text.length);
  for (const [, path = ''] of text.matchAll(
    /(?:^|[;}\n])(?:import|export)\s*(?:[^"'();]*?from\s*)?["'](\.[^"']+)["']/g,
  ))
    importedBy(join(dirname(file), path), found);
  return found;
}

test('the version is told without loading what the other commands need', () => {
  const loaded = importedBy(at('dist/huatuo.js'));
  const bytes = [...loaded.values()].reduce((sum, one) => sum + one);
  assert.ok(loaded.size > 1, 'imports are found');
  assert.ok(bytes < 32 * 1024, `${bytes} bytes: ${[...loaded.keys()].join(', ')}`);
});

test('the binary is the agent: pinned Node whatever the path has, no process in between, reached by a link too', async () => {
  using directory = directoryWith({});
  const pipe = join(directory.path, 'pipe.yaml');
  execFileSync('mkfifo', [pipe]);
  const link = join(directory.path, 'huatuo');
  symlinkSync(BINARY, link);
  const env = { ...process.env, PATH: '/usr/bin:/bin' };
  const child = spawn(link, ['check', pipe], { stdio: 'ignore', env });
  const ended = once(child, 'exit');
  // Opens once the agent reads, and it goes on reading until the writer closes.
  const writer = await open(pipe, 'w');
  const pinned = at(`node_modules/node-linux-${process.arch}/bin/node`);
  assert.equal(readlinkSync(`/proc/${child.pid}/exe`), realpathSync(pinned));
  child.kill('SIGTERM');
  assert.deepEqual(await ended, [null, 'SIGTERM']);
  await writer.close();
});

const older = olderNode();

test('an older Node says which one is expected', {
  skip: older === undefined && 'this host has no older Node',
}, () => {
  const { status, stderr } = spawnSync(older ?? '', [`${BINARY}.mjs`, 'version'], { encoding: 'utf8' });
  assert.equal(status, 1);
  assert.match(stderr, /^huatuo: expected Node 26, found v\d+.*npm run setup$/m);
});

function olderNode(): string | undefined {
  const path = { PATH: '/usr/local/bin:/usr/bin:/bin' };
  const node = spawnSync('/bin/sh', ['-c', 'command -v node'], { encoding: 'utf8', env: path }).stdout.trim();
  if (node === '') return undefined;
  const version = execFileSync(node, ['--version'], { encoding: 'utf8' });
  return Number.parseInt(version.slice(1), 10) < 26 ? node : undefined;
}
