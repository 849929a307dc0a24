/** The engines that other tests ask are real, and leave nothing behind. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { test } from 'node:test';
import { CGROUP_PARENT, cgroupInodes } from './container-cgroups.ts';
import {
  skipWithoutContainerd,
  skipWithoutDocker,
  skipWithoutPodman,
  startContainerd,
  startDocker,
  startPodman,
} from './engines.ts';

const ENGINES = [
  { name: 'podman', skip: skipWithoutPodman(), start: startPodman, cgroup: /^\/podman\/libpod-ID$/ },
  { name: 'docker', skip: skipWithoutDocker(), start: startDocker, cgroup: /^\/docker\/ID$/ },
  {
    name: 'containerd',
    skip: skipWithoutContainerd(),
    start: startContainerd,
    cgroup: /^\/kubepods\/burstable\/pod[0-9a-f-]{36}\/ID$/,
  },
];

for (const { name, skip, start, cgroup } of ENGINES)
  test(`${name} runs containers in their cgroups, and leaves nothing behind`, { skip }, async () => {
    {
      await using engine = await start();
      const first = await engine.run({ name: 'first', hostname: 'one', labels: { app: 'web' } });
      const second = await engine.run({ name: 'second', hostname: 'two', args: ['sleep', '500'] });
      for (const { id, pid } of [first, second]) {
        const line = readFileSync(`/proc/${pid}/cgroup`, 'utf8').split('\n')[0] ?? '';
        const [, path = ''] = line.split(CGROUP_PARENT);
        assert.match(path.replace(id, 'ID'), cgroup);
      }
      assert.equal(readFileSync(`/proc/${second.pid}/cmdline`, 'utf8'), 'sleep\x00500\x00');
      assert.match(readFileSync(`/proc/${first.pid}/environ`, 'utf8'), /HOSTNAME=one\0/);
    }
    const prefix = `huatuo-engine-${process.pid}-`;
    assert.deepEqual([...cgroupInodes(CGROUP_PARENT).keys()], []);
    assert.deepEqual(
      readdirSync(tmpdir()).filter((entry) => entry.startsWith(prefix)),
      [],
    );
    assert.doesNotMatch(readFileSync('/proc/self/mountinfo', 'utf8'), new RegExp(prefix));
  });
