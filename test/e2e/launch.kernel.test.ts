/** However the agent is started, a signal to the process that was started ends it in good order. */
import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import test, { type TestContext } from 'node:test';
import { at } from '../../src/paths.ts';
import { AgentProcess } from '../support/agent.ts';
import { builtCollectors, FLOOD_CONFIG, flood, floodDocuments } from '../support/flood.ts';
import { skipWithoutBpf } from '../support/kernel.ts';

const skip = skipWithoutBpf();
const collectors = skip ? '' : await builtCollectors('collectors');
const EVENTS = 20_000;

const COMMANDS: Readonly<Record<string, readonly string[]>> = {
  huatuo: [at('src/cli/huatuo'), 'run'],
  'npm start': ['npm', 'start', '--'],
  'npx huatuo': ['npx', 'huatuo', 'run'],
};

/** The process and all below it. */
function familyOf(pid: number): number[] {
  const children = readdirSync(`/proc/${pid}/task`).flatMap((tid) =>
    readFileSync(`/proc/${pid}/task/${tid}/children`, 'utf8').split(' ').filter(Boolean).map(Number),
  );
  return [pid, ...children.flatMap(familyOf)];
}

const alive = (pids: readonly number[]): number[] => pids.filter((pid) => existsSync(`/proc/${pid}`));

/** A failure must not leave an agent behind: the end of npm is not the end of what it started. */
function endAfter(t: TestContext, pids: readonly number[]): void {
  t.after(() => {
    for (const pid of alive(pids)) process.kill(pid, 'SIGKILL');
  });
}

function start(command: readonly string[]): Promise<AgentProcess> {
  return AgentProcess.start({
    command,
    collectors,
    only: ['flood'],
    config: { collectors: { flood: FLOOD_CONFIG } },
  });
}

for (const [name, command] of Object.entries(COMMANDS)) {
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    test(`${signal} to \`${name}\`: what was produced is on disk, no process is left, exit code 0`, {
      skip,
    }, async (t) => {
      await using agent = await start(command);
      const family = familyOf(agent.pid);
      endAfter(t, family);
      flood(EVENTS);
      assert.deepEqual(await agent.stop(signal), { code: 0, signal: null }, agent.stderr);
      assert.equal(floodDocuments(agent.journal).size, EVENTS);
      assert.deepEqual(alive(family), []);
    });
  }
}

test('`huatuo` has no other process', { skip }, async () => {
  await using agent = await start(COMMANDS.huatuo!);
  assert.deepEqual(familyOf(agent.pid), [agent.pid]);
});

test('a signal that npm passes on after the terminal has sent it is one request', { skip }, async (t) => {
  await using agent = await start(COMMANDS['npm start']!);
  const family = familyOf(agent.pid);
  endAfter(t, family);
  const own = family.at(-1) ?? 0;
  flood(EVENTS);
  process.kill(own, 'SIGINT');
  assert.deepEqual(await agent.stop('SIGINT'), { code: 0, signal: null }, agent.stderr);
  assert.equal(floodDocuments(agent.journal).size, EVENTS);
});
