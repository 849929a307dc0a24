/** A user's C and TypeScript, from a directory anywhere to documents on the disk, started with whatever Node the host has. */
import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import test from 'node:test';
import { UserDirectory } from '../build/user-directory.ts';
import { AgentProcess } from '../support/agent.ts';
import { skipWithoutBpf } from '../support/kernel.ts';
import { sampleValue } from '../support/prometheus-text.ts';
import { rename } from '../support/rename.ts';

const skip = skipWithoutBpf();

/** PATH without the Node of this checkout: what is left is the host's, or none. */
const hostPath = (): string =>
  (process.env.PATH ?? '')
    .split(':')
    .filter((part) => !part.includes('node_modules'))
    .join(':');

test('a directory of C and TypeScript is built and runs', { skip }, async () => {
  using directory = new UserDirectory();
  mkdirSync(directory.out);
  const { status, printed } = directory.build({ PATH: hostPath() });
  assert.equal(status, 0, printed);
  await using agent = await AgentProcess.start({
    collectors: directory.out,
    only: ['renamed'],
    config: { collectors: { renamed: { process: process.pid } } },
  });
  rename('by the user');
  const document = await agent.until('its document', () =>
    agent.documents('renamed').find(({ data }) => data.comm === 'by the user'),
  );
  assert.equal(document.data.pid, process.pid);
  assert.equal(typeof document.data.load1, 'number');
  assert.equal(document.fields.tracer_name, 'renamed');
  const page = await agent.metrics('renamed');
  assert.ok(sampleValue(page, 'huatuo_renamed_tasks_total') >= 1);
});
