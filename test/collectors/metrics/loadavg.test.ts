import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import loadavg from '../../../src/collectors/metrics/loadavg.ts';
import { container, sampleContext, update, values } from './context.ts';

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'huatuo-load-'));
  writeFileSync(join(root, 'loadavg'), '1.50 2.25 3.00 1/88 5433\n');
});
afterEach(() => rmSync(root, { recursive: true }));

/** A cgroup with one task for each letter of `states`. */
function cgroup(name: string, firstTid: number, states: string): string {
  const directory = join(root, name);
  mkdirSync(directory);
  const tids = [...states].map((state, index) => {
    const tid = String(firstTid + index);
    mkdirSync(join(root, tid, 'task', tid), { recursive: true });
    writeFileSync(join(root, tid, 'task', tid, 'stat'), `${tid} (x) ${state} 1\n`);
    return tid;
  });
  writeFileSync(join(directory, 'cgroup.threads'), `${tids.join('\n')}\n`);
  return directory;
}

test('load averages of the host and task states of each container', async () => {
  const list = [
    container('busy', { unified: cgroup('busy', 100, 'RRDS') }),
    container('idle', { cpu: cgroup('idle', 200, 'SS') }),
    container('gone', { unified: join(root, 'gone') }),
    container('elsewhere', {}),
  ];
  const families = await update('loadavg', loadavg, sampleContext(root, list));
  const [load1, load5, load15] = ['load1', 'load5', 'load15'].map((name) =>
    values(families, `huatuo_bamai_loadavg_${name}`),
  );
  assert.deepEqual([load1, load5, load15], [{ '': 1.5 }, { '': 2.25 }, { '': 3 }]);
  assert.deepEqual(values(families, 'huatuo_bamai_loadavg_container_nr_running'), {
    'name-busy': 2,
    'name-idle': 0,
    'name-gone': 0,
  });
  assert.deepEqual(values(families, 'huatuo_bamai_loadavg_container_nr_uninterruptible'), {
    'name-busy': 1,
    'name-idle': 0,
    'name-gone': 0,
  });
});

test('a container whose tasks cannot be listed costs only its own samples', async () => {
  const odd = join(root, 'odd');
  // A directory in place of the list: reading it fails with something else than "gone".
  mkdirSync(join(odd, 'cgroup.threads'), { recursive: true });
  const list = [container('odd', { unified: odd }), container('good', { unified: cgroup('good', 100, 'R') })];
  const families = await update('loadavg', loadavg, sampleContext(root, list));
  assert.deepEqual(values(families, 'huatuo_bamai_loadavg_container_nr_running'), { 'name-good': 1 });
});

test('the bound on tasks is told in the help', async () => {
  const list = [container('busy', { unified: cgroup('busy', 100, 'R') })];
  const families = await update('loadavg', loadavg, sampleContext(root, list));
  assert.match(families.find(({ name }) => name.endsWith('nr_running'))?.help ?? '', /At most 2000 tasks/);
});

test('reads this host', async () => {
  const families = await update('loadavg', loadavg, sampleContext('/proc', []));
  assert.ok((values(families, 'huatuo_bamai_loadavg_load1')[''] ?? -1) >= 0);
});
