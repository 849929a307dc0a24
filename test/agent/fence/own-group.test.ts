import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, test } from 'node:test';
import { ownThreadRoot } from '../../../src/agent/fence/own-group.ts';
import { tempDirectory } from '../../storage/journal/fixture.ts';

const UNDER_SYSTEMD = { INVOCATION_ID: '1' };

/** A service's cgroup, with the subgroup `agent` and the files that the kernel would put there. */
function service(
  root: string,
  processes: readonly number[],
): { readonly own: string; readonly agent: string } {
  const own = join(root, 'huatuo.service');
  const agent = join(own, 'agent');
  mkdirSync(agent, { recursive: true });
  for (const group of [own, agent])
    for (const file of ['cgroup.procs', 'cgroup.subtree_control']) writeFileSync(join(group, file), '');
  writeFileSync(join(own, 'cgroup.procs'), processes.map((pid) => `${pid}\n`).join(''));
  return { own, agent };
}

function passedOn(group: string): string {
  return readFileSync(join(group, 'cgroup.subtree_control'), 'utf8');
}

describe('the group below which threads have theirs', () => {
  test('is a subgroup, so that systemd can start control processes beside it', () => {
    using directory = tempDirectory();
    const { own, agent } = service(directory.path, [process.pid]);
    assert.equal(ownThreadRoot(own, UNDER_SYSTEMD), agent);
    assert.equal(readFileSync(join(agent, 'cgroup.procs'), 'utf8'), String(process.pid));
    assert.equal(passedOn(own), '+cpu');
  });

  test('is the subgroup that systemd has started the agent in', () => {
    using directory = tempDirectory();
    const { own, agent } = service(directory.path, []);
    assert.equal(ownThreadRoot(agent, UNDER_SYSTEMD), agent);
    assert.equal(passedOn(own), '+cpu');
    assert.equal(dirname(agent), own);
  });

  test('is its own where it has not been started by systemd, or is not alone', () => {
    using directory = tempDirectory();
    const { own } = service(directory.path, [process.pid, 1]);
    assert.equal(ownThreadRoot(own, UNDER_SYSTEMD), own);
    assert.equal(ownThreadRoot(own, {}), own);
    assert.equal(passedOn(own), '');
  });
});
