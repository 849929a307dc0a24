/** Real containers beside a real agent: whose is each event, and each series? */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readFileSync, rmdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import type { ContainersDocument } from '../../src/containers/document.ts';
import { WorkerFuse } from '../soak/worker-fuse.ts';
import { AgentProcess } from '../support/agent.ts';
import { hierarchyOf, TestCgroup } from '../support/cgroup.ts';
import { type OciRuntime, skipWithoutRuntime, TestContainer } from '../support/container.ts';
import { eventually } from '../support/eventually.ts';
import { builtCollectors } from '../support/flood.ts';
import { skipWithoutBpf } from '../support/kernel.ts';

const MIB = 1 << 20;
/** runc takes several times as long for one. */
const SHORT_LIVED = { crun: 50, runc: 20 } as const;
const BUSY = ['sh', '-c', 'while :; do :; done'];

const skipUnder = (runtime: OciRuntime): string | false => skipWithoutBpf() || skipWithoutRuntime(runtime);

async function containers(agent: AgentProcess): Promise<ContainersDocument> {
  return JSON.parse(await agent.get('/api/v1/containers')) as ContainersDocument;
}

for (const runtime of ['runc', 'crun'] as const) {
  const skip = skipUnder(runtime);

  test(`${runtime}: an OOM kill is told of its container, which is gone by then`, { skip }, async () => {
    await using agent = await AgentProcess.start({ only: ['oom'] });
    const memoryLimit_bytes = 32 * MIB;
    await using container = await TestContainer.start({
      runtime,
      memoryLimit_bytes,
      args: ['tail', '/dev/zero'],
    });
    await container.exited();
    const document = await agent.until('the document of the kill', () =>
      agent.documents('oom').find(({ fields }) => fields.container_id === container.id),
    );
    assert.equal(document.fields.container_hostname, container.id.slice(0, 12));
    assert.equal((document.data.victim as { container_id?: string }).container_id, container.id);
  });

  test(`${runtime}: softirqs and waits for a CPU are told of the container they hit`, { skip }, async () => {
    await using agent = await AgentProcess.start({
      only: ['softirq', 'runqlat'],
      config: {
        containers: { keep_gone: '1s' },
        collectors: { softirq: { threshold: '0ms', max_events_per_second_per_cpu: 100 } },
      },
    });
    const container_host = await (async () => {
      await using container = await TestContainer.start({ runtime, args: BUSY });
      await agent.until('a softirq that hit the container', () =>
        agent.documents('softirq').find(({ fields }) => fields.container_id === container.id),
      );
      const waits = await agent.until('waits of the container', () =>
        runqueueWaits(agent, container.id.slice(0, 12)),
      );
      assert.ok(waits > 0);
      return container.id.slice(0, 12);
    })();
    await agent.until(
      'its series to end',
      async () => (await runqueueWaits(agent, container_host)) === undefined,
    );
  });

  test(`${runtime}: ${SHORT_LIVED[runtime]} short-lived containers in a row, each event is told of its own`, {
    skip,
  }, async () => {
    const collectors = await builtCollectors('collectors/execs');
    await using agent = await AgentProcess.start({
      only: ['execs'],
      collectors,
      // This is about whose an event is, not about how long one waits for a thread that a busy machine does not run.
      config: { containers: { wait: '5s' } },
      deadline_ms: 110_000,
    });
    const ids = new Map<number, string>();
    for (let made = 0; made < SHORT_LIVED[runtime]; made++) {
      await using container = await TestContainer.start({ runtime, args: ['true'] });
      ids.set(Number(container.cgroupId('memory')), container.id);
      await container.exited();
    }
    const ledger = await agent.until('every event to be written', async () => {
      const row = await agent.ledger('execs');
      return row?.difference === '0' && row.pending_bytes === '0' && row;
    });
    assert.deepEqual([ledger.dropped_ring_full, ledger.malformed], ['0', '0']);
    const told = new Set<string>();
    for (const { fields, data } of agent.documents('execs')) {
      const id = ids.get(data.cgroup_id as number);
      if (id === undefined) continue;
      assert.equal(fields.container_id, id, JSON.stringify(fields));
      told.add(id);
    }
    assert.equal(told.size, SHORT_LIVED[runtime], 'each container executed something');
  });

  test(`${runtime}: what the runtime keeps on disk describes its containers`, { skip }, async () => {
    await using container = await TestContainer.start({
      runtime,
      hostname: 'web-7f',
      cgroup: () => 'named/web',
    });
    await using agent = await AgentProcess.start({
      only: ['loadavg'],
      config: { containers: { oci: dirname(container.stateRoot), refresh: '1s' } },
    });
    const found = await agent.until('the container', async () =>
      (await containers(agent)).containers.find(({ id, netnsInode }) => id === container.id && netnsInode),
    );
    assert.deepEqual([found.runtime, found.initPid], [runtime, container.pid]);
    assert.match(found.startTime ?? '', /^\d{4}-\d\d-\d\dT/);
    assert.equal(found.netnsInode, statSync(`/proc/${container.pid}/ns/net`).ino);
    assert.ok(
      found.cgroupIds.includes(String(container.cgroupId('memory'))),
      'its cgroup, which no path tells',
    );
    const { status } = await containers(agent);
    assert.equal(status.followed_by, 'tracepoints');
    assert.deepEqual(
      status.sources.filter(({ state }) => state === 'ok').map(({ name }) => name),
      ['oci'],
    );
  });
}

test('the thread that knows containers falls: the next one knows those that were there and those that come', {
  skip: skipUnder('crun'),
}, async () => {
  using fuse = new WorkerFuse();
  await using before = await TestContainer.start({ runtime: 'crun' });
  const collectors = await builtCollectors('collectors/execs');
  await using agent = await AgentProcess.start({ only: ['execs'], collectors, env: fuse.env });
  fuse.light('containers', 'throw');
  await agent.until('the next thread', async () => {
    const { restarts, state } = await agent.actor('containers');
    return restarts === 1 && state === 'running';
  });
  await using after = await TestContainer.start({ runtime: 'crun', args: ['sh', '-c', 'exec sleep 60'] });
  await agent.until('an event of the new one', () =>
    agent.documents('execs').some(({ fields }) => fields.container_id === after.id),
  );
  const known = (await containers(agent)).containers.map(({ id }) => id);
  assert.ok(known.includes(before.id) && known.includes(after.id));
  assert.equal((await agent.actor('execs')).restarts, 0);
});

/** Waits of one container in all zones; undefined without a series of it. */
async function runqueueWaits(agent: AgentProcess, container_host: string): Promise<number | undefined> {
  const family = (await agent.metrics('runqlat')).get('huatuo_bamai_runqlat_container_latency');
  const samples = family?.samples.filter(({ labels }) => labels.container_host === container_host) ?? [];
  return samples.length === 0 ? undefined : samples.reduce((sum, { value }) => sum + value, 0);
}

const unified = hierarchyOf('unified');
const isHybrid = hierarchyOf('cpu') !== unified;

test('a container that one hierarchy alone knows is told, in documents and series', {
  skip: skipWithoutBpf() || (!unified || !isHybrid ? 'this host has one hierarchy for all' : false),
}, async () => {
  const id = process.pid.toString(16).padStart(64, 'e');
  await using agent = await AgentProcess.start({
    only: ['softirq', 'runqlat'],
    config: { collectors: { softirq: { threshold: '0ms', max_events_per_second_per_cpu: 100 } } },
  });
  await using made = new AsyncDisposableStack();
  const scope = made.use(PlainCgroup.make(unified?.mountPoint ?? '', `libpod-${id}.scope`));
  const task = spawn('sh', ['-c', 'while sleep 0.001; do :; done'], { stdio: 'ignore' });
  made.defer(async () => {
    task.kill('SIGKILL');
    await once(task, 'exit');
  });
  for (const controller of ['cpu', 'memory'])
    writeFileSync(join(hierarchyOf(controller)?.mountPoint ?? '', 'cgroup.procs'), String(task.pid));
  writeFileSync(join(scope.path, 'cgroup.procs'), String(task.pid));
  const document = await agent.until('a document of the container', () =>
    agent.documents('softirq').find(({ fields }) => fields.container_id === id),
  );
  assert.equal(document.data.cgroup_id, Number(statSync(scope.path).ino));
  const waits = await agent.until('its waits', () => runqueueWaits(agent, id.slice(0, 12)));
  assert.ok(waits > 0);
});

for (const { what, name, unit } of [
  { what: 'a plain cgroup', name: `/huatuo-batch-${process.pid}/job`, unit: undefined },
  {
    what: 'a service',
    name: `/huatuo-${process.pid}.slice/job-${process.pid}.service`,
    unit: `job-${process.pid}.service`,
  },
])
  test(`documents of ${what} say where it was, also when it and its task are gone`, {
    skip: skipWithoutBpf(),
  }, async () => {
    await using agent = await AgentProcess.start({
      only: ['execs'],
      collectors: await builtCollectors('collectors/execs'),
    });
    const inode = await (async () => {
      await using cgroup = TestCgroup.make('memory', name);
      const child = spawn('sh', ['-c', `echo $$ > ${cgroup.path}/cgroup.procs; exec true`], {
        stdio: 'ignore',
      });
      await once(child, 'exit');
      return Number(cgroup.inode);
    })();
    const document = await agent.until('its document', () =>
      agent.documents('execs').find(({ data }) => data.cgroup_id === inode),
    );
    assert.equal(document.fields.cgroup_path, name);
    assert.equal(document.fields.systemd_unit, unit);
  });

/** A directory of a hierarchy without controllers. */
class PlainCgroup implements AsyncDisposable {
  readonly path: string;

  private constructor(path: string) {
    this.path = path;
  }

  static make(mountPoint: string, name: string): PlainCgroup {
    const path = join(mountPoint, name);
    mkdirSync(path);
    return new PlainCgroup(path);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await eventually('it to be empty', () => readFileSync(join(this.path, 'cgroup.procs')).length === 0);
    rmdirSync(this.path);
  }
}

test('a socket that accepts and never answers costs nobody anything', {
  skip: skipWithoutBpf(),
}, async () => {
  using socket = await SilentSocket.listen();
  await using agent = await AgentProcess.start({
    only: ['loadavg'],
    config: { containers: { docker: socket.path, timeout: '200ms' } },
  });
  const docker = await agent.until('the failure to be visible', async () =>
    (await containers(agent)).status.sources.find(
      ({ name, state }) => name === 'docker' && state === 'failed',
    ),
  );
  assert.match(docker.error?.message ?? '', /docker/);
  const up = await agent.until('its metric', async () =>
    (await agent.metrics())
      .get('huatuo_container_source_up')
      ?.samples.find(({ labels }) => labels.source === 'docker'),
  );
  assert.equal(up.value, 0);
  assert.equal((await agent.status()).agent.state, 'ready');
});

/** Takes connections and says nothing. */
class SilentSocket implements Disposable {
  readonly path: string;
  readonly #directory = mkdtempSync(join(tmpdir(), 'huatuo-socket-'));
  readonly #server: Server = createServer(() => undefined);

  private constructor() {
    this.path = join(this.#directory, 'engine.sock');
  }

  static async listen(): Promise<SilentSocket> {
    const socket = new SilentSocket();
    socket.#server.unref().listen(socket.path);
    await once(socket.#server, 'listening');
    return socket;
  }

  [Symbol.dispose](): void {
    this.#server.close();
    rmSync(this.#directory, { recursive: true, force: true });
  }
}
