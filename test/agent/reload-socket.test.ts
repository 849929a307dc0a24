/** Both ends of the socket for reloads. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { existsSync, mkdirSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import { REQUEST, type ReloadPlace } from '../../src/agent/reload-protocol.ts';
import { ReloadSocket } from '../../src/agent/reload-socket.ts';
import { reloadAgent } from '../../src/cli/reload.ts';
import { HuatuoError } from '../../src/error.ts';
import { directoryWith } from '../config/collectors.ts';
import { memoryLog } from '../storage/journal/fixture.ts';
import { eventually } from '../support/eventually.ts';

const at = (directory: string, changes: Partial<ReloadPlace['reload']> = {}): ReloadPlace => ({
  reload: { socket: '', access: 'user', ...changes },
  journal: { directory },
});

test('a reload is asked for and answered, in a directory with a name of any length', async () => {
  using scratch = directoryWith({});
  const directory = join(scratch.path, 'd'.repeat(120), 'e'.repeat(120));
  mkdirSync(directory, { recursive: true });
  using socket = new ReloadSocket(async () => 'configuration reloaded: oom', memoryLog());
  socket.follow(at(directory));
  assert.equal(await reloadAgent(at(directory)), 'configuration reloaded: oom');
  assert.deepEqual(readdirSync(directory), ['.reload.sock']);
});

test('only its owner may connect, or its group when the configuration says so', () => {
  using scratch = directoryWith({});
  const path = join(scratch.path, 'reload.sock');
  using socket = new ReloadSocket(async () => '', memoryLog());
  for (const [access, mode] of [
    ['user', 0o600],
    ['group', 0o660],
    ['user', 0o600],
  ] as const) {
    socket.follow(at('/nonexistent', { socket: path, access }));
    assert.equal(statSync(path).mode & 0o777, mode);
    assert.equal(statSync(path).gid, statSync(scratch.path).gid);
  }
});

test('the reason of a refusal arrives with its code', async () => {
  using scratch = directoryWith({});
  const error = new HuatuoError('CONFIG_INVALID', { found: 'a tab', remedy: 'use spaces' });
  using socket = new ReloadSocket(() => Promise.reject(error), memoryLog());
  socket.follow(at(scratch.path));
  await assert.rejects(reloadAgent(at(scratch.path)), {
    code: 'CONFIG_INVALID',
    message: 'a tab; use spaces',
  });
});

test('who has asked gets the answer when the reload itself moves the socket', async () => {
  using scratch = directoryWith({});
  const moved = at(scratch.path, { socket: join(scratch.path, 'moved.sock') });
  using socket = new ReloadSocket(async () => {
    socket.follow(moved);
    return 'moved';
  }, memoryLog());
  socket.follow(at(scratch.path));
  assert.equal(await reloadAgent(at(scratch.path)), 'moved');
  assert.deepEqual(readdirSync(scratch.path), ['moved.sock']);
  assert.equal(await reloadAgent(moved), 'moved');
});

test('an agent that is not there, and a socket that a killed one has left, are told alike; the next agent takes its place', async () => {
  using scratch = directoryWith({});
  const place = at(scratch.path);
  await assert.rejects(reloadAgent(place), { code: 'AGENT_UNREACHABLE', message: /found none; start it/ });
  const first = new ReloadSocket(async () => 'first', memoryLog());
  first.follow(place);
  using second = new ReloadSocket(async () => 'second', memoryLog());
  second.follow(place);
  assert.equal(await reloadAgent(place), 'second');
  // The name is the second one's by now.
  first[Symbol.dispose]();
  assert.equal(await reloadAgent(place), 'second');
  second[Symbol.dispose]();
  assert.equal(existsSync(join(scratch.path, '.reload.sock')), false);
});

test('a file that is no socket is left alone, and the log says so', () => {
  using scratch = directoryWith({});
  const path = join(scratch.path, 'mine');
  writeFileSync(path, 'text');
  const log = memoryLog();
  using socket = new ReloadSocket(async () => '', log);
  socket.follow(at(scratch.path, { socket: path }));
  assert.match(log.lines.join(), /warn huatuo reload cannot reach this agent/);
  assert.equal(statSync(path).isFile(), true);
});

test('where it could not be made it is made as soon as it can be, and the log is told once', async () => {
  using scratch = directoryWith({});
  const directory = join(scratch.path, 'later');
  const log = memoryLog();
  using socket = new ReloadSocket(async () => 'reloaded', log);
  await socket.heal();
  socket.follow(at(directory));
  for (let times = 0; times < 3; times++) await socket.heal();
  assert.equal(log.lines.filter((line) => line.includes('cannot reach this agent')).length, 1);
  mkdirSync(directory);
  await socket.heal();
  assert.equal(await reloadAgent(at(directory)), 'reloaded');
});

test('a socket that was removed, alone or with its directory, is made again; one that another agent has made is not', async () => {
  using scratch = directoryWith({});
  const directory = join(scratch.path, 'journal');
  const path = join(directory, '.reload.sock');
  mkdirSync(directory);
  using socket = new ReloadSocket(async () => 'reloaded', memoryLog());
  socket.follow(at(directory));
  for (const gone of [path, directory]) {
    rmSync(gone, { recursive: true });
    mkdirSync(directory, { recursive: true });
    await socket.heal();
    assert.equal(await reloadAgent(at(directory)), 'reloaded');
  }
  rmSync(path);
  using other = new ReloadSocket(async () => 'by the other one', memoryLog());
  other.follow(at(directory));
  await socket.heal();
  assert.equal(await reloadAgent(at(directory)), 'by the other one');
});

test('what is no question is hung up on, and reloads nothing', async () => {
  using scratch = directoryWith({});
  using socket = new ReloadSocket(() => assert.fail('reloaded'), memoryLog());
  socket.follow(at(scratch.path));
  const client = connect(join(scratch.path, '.reload.sock')).on('error', () => undefined);
  client.write('POST /-/reload HTTP/1.1\r\n\r\n');
  client.resume();
  await once(client, 'close');
});

test('who has its answer and does not hang up takes no place from others', async (t) => {
  using scratch = directoryWith({});
  using socket = new ReloadSocket(async () => 'done', memoryLog(), 50);
  socket.follow(at(scratch.path));
  const path = join(scratch.path, '.reload.sock');
  for (let places = 0; places < 16; places++) {
    const client = connect({ path, allowHalfOpen: true }).on('error', () => undefined);
    t.after(() => client.destroy());
    client.write(REQUEST);
    await once(client.resume(), 'end');
  }
  await eventually('a place', () =>
    reloadAgent(at(scratch.path)).then(
      (answer) => answer === 'done',
      () => false,
    ),
  );
});
