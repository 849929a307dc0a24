import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { test } from 'node:test';
import { ConfigFiles } from '../../src/config/config-files.ts';
import { HuatuoError } from '../../src/error.ts';
import { directoryWith } from './collectors.ts';

test('a pipe is read once, whoever asks', async () => {
  using directory = directoryWith({});
  const pipe = join(directory.path, 'pipe.yaml');
  execFileSync('mkfifo', [pipe]);
  const writer = spawn('/bin/sh', ['-c', 'echo "region: eu" > "$0"', pipe], { stdio: 'ignore' });
  const ended = once(writer, 'exit');
  const files = new ConfigFiles();
  assert.deepEqual(files.yaml(pipe).root, { region: 'eu' });
  // A second reading would wait for another writer.
  assert.deepEqual(files.yaml(pipe).root, { region: 'eu' });
  await ended;
});

test('a reload takes a regular file and nothing else', () => {
  using directory = directoryWith({ 'ok.yaml': 'region: eu\n' });
  const files = new ConfigFiles({ regularOnly: true });
  assert.deepEqual(files.yaml(join(directory.path, 'ok.yaml')).root, { region: 'eu' });
  const pipe = join(directory.path, 'pipe.yaml');
  execFileSync('mkfifo', [pipe]);
  for (const [file, message] of [
    [pipe, /^expected a regular file .*found .*pipe\.yaml, which is none; start the agent with/],
    ['/nonexistent.yaml', /ENOENT/],
  ] as const)
    assert.throws(
      () => files.yaml(file),
      (error) =>
        error instanceof HuatuoError && error.code === 'CONFIG_UNREADABLE' && message.test(error.message),
    );
});
