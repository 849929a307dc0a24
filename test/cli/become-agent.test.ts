import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { ENVIRONMENT, startsAgent, V8_FLAGS } from '../../src/cli/become-agent.ts';
import { parseCommandLine } from '../../src/cli/command-line.ts';
import { at } from '../../src/paths.ts';
import { testCatalog } from '../config/collectors.ts';

const MODULE = new URL('../../src/cli/become-agent.js', import.meta.url).href;

test('every command but run is known before the command line is parsed', async () => {
  const help = parseCommandLine(['--help'], await testCatalog());
  assert.ok(help.command === 'print');
  const commands = [
    ...help.text
      .split('Commands:')[1]!
      .split('\n\n')[0]!
      .matchAll(/^ {2}([a-z]+)/gm),
  ].map(([, name]) => name!);
  assert.ok(commands.length > 8, help.text);
  assert.deepEqual(
    commands.filter((command) => startsAgent([command, '--log.level', 'warn'])),
    ['run'],
  );
  assert.ok(startsAgent([]));
  assert.ok(startsAgent(['--config.file', 'a.yaml', '--no-collector.oom']));
});

test('the process replaces itself once, and keeps its id and its arguments', () => {
  const script = `
    import { becomeAgent } from '${MODULE}';
    becomeAgent();
    console.log(JSON.stringify([process.pid, process.execArgv, process.env.MALLOC_ARENA_MAX, typeof gc]));`;
  const argv = ['--input-type=module', '-e', script];
  const { pid, stdout, stderr } = spawnSync(process.execPath, argv, { encoding: 'utf8' });
  const [own, flags, arenas, gc] = JSON.parse(stdout || `"${stderr}"`) as [number, string[], string, string];
  assert.equal(own, pid);
  assert.deepEqual(
    V8_FLAGS.filter((flag) => !flags.includes(flag)),
    [],
  );
  assert.deepEqual([arenas, gc], ['1', 'function']);
});

test('the binary knows the same settings before Node runs, and leaves what the user has set', () => {
  const shell = (env: Record<string, string>): string[] => {
    const script = `. "$0"; echo "$flags"; printenv ${Object.keys(ENVIRONMENT).join(' ')}`;
    const { stdout } = spawnSync('/bin/sh', ['-c', script, at('dist/launch.sh')], { encoding: 'utf8', env });
    return stdout.trimEnd().split('\n');
  };
  assert.deepEqual(shell({}), [V8_FLAGS.join(' '), ...Object.values(ENVIRONMENT)]);
  assert.equal(
    shell({ MALLOC_ARENA_MAX: '4' })[1 + Object.keys(ENVIRONMENT).indexOf('MALLOC_ARENA_MAX')],
    '4',
  );
});
