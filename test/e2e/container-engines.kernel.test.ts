/** What podman, docker and containerd themselves say of a container is what the agent says of it. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ContainersDocument } from '../../src/containers/document.ts';
import { AgentProcess } from '../support/agent.ts';
import {
  skipWithoutContainerd,
  skipWithoutDocker,
  skipWithoutPodman,
  startContainerd,
  startDocker,
  startPodman,
} from '../support/engines.ts';
import { skipWithoutBpf } from '../support/kernel.ts';

/** A name that breaks what is put together without escaping. */
const LABEL = 'quote " newline \n backslash \\';
const LABELS = { team: LABEL, secret: 'not on the list' };

const ENGINES = [
  {
    name: 'podman',
    skip: skipWithoutPodman,
    start: startPodman,
    config: (socket: string) => ({ podman: socket }),
  },
  {
    name: 'docker',
    skip: skipWithoutDocker,
    start: startDocker,
    config: (socket: string) => ({ docker: socket }),
  },
  {
    name: 'containerd',
    skip: skipWithoutContainerd,
    start: startContainerd,
    config: (socket: string) => ({ cri: [socket] }),
  },
];

for (const { name, skip, start, config } of ENGINES) {
  test(`${name}: name, labels on the list and init process, in the list, in metrics and in documents`, {
    skip: skipWithoutBpf() || skip(),
  }, async () => {
    await using engine = await start();
    await using agent = await AgentProcess.start({
      only: ['runqlat', 'softirq'],
      config: {
        containers: { ...config(engine.socket), labels: ['team'], refresh: '1s' },
        collectors: { softirq: { threshold: '0ms' } },
      },
    });
    const args = ['sh', '-c', 'while :; do :; done'];
    const { id, pid } = await engine.run({ name: 'web', hostname: 'web-7f', labels: LABELS, args });
    const container = await agent.until('the container with its labels', async () => {
      const { containers } = JSON.parse(await agent.get('/api/v1/containers')) as ContainersDocument;
      return containers.find((one) => one.id === id && 'team' in one.labels && one.initPid !== undefined);
    });
    assert.deepEqual([container.name, container.labels, container.initPid], ['web', { team: LABEL }, pid]);
    await agent.until('a series with its name', async () =>
      (await agent.metrics('runqlat'))
        .get('huatuo_bamai_loadavg_container_nr_running')
        ?.samples.find(({ labels }) => labels.container_name === 'web'),
    );
    const { fields } = await agent.until('a document with its labels', () =>
      agent
        .documents('softirq')
        .find((document) => document.fields.container_id === id && document.fields.container_labels),
    );
    assert.deepEqual([fields.container_name, fields.container_labels], ['web', { team: LABEL }]);
  });
}
