/** A unit of systemd beside a real agent, made as systemd makes it: its series, an OOM kill in it, and its next start. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { test } from 'node:test';
import { AgentProcess } from '../support/agent.ts';
import { Allocator } from '../support/allocator.ts';
import { hierarchyOf, skipWithoutController, TestCgroup } from '../support/cgroup.ts';
import { skipWithoutBpf } from '../support/kernel.ts';

const MIB = 1 << 20;
const LIMIT_BYTES = 48 * MIB;
/** As systemctl shows it, and as the directory is called. */
const UNIT = `huatuo-test@a\\x2d${process.pid}.service`;
const PATH = `/huatuo${process.pid}.slice/${UNIT}`;

const skip = skipWithoutBpf() || skipWithoutController('memory') || skipWithoutController('cpu') || undefined;

/** The cgroups of one start of the unit: one directory, or one in each hierarchy of cgroup v1. */
class Start implements AsyncDisposable {
  readonly memory: TestCgroup = TestCgroup.make('memory', PATH);
  readonly #cpu: TestCgroup | undefined =
    hierarchyOf('cpu') === hierarchyOf('memory') ? undefined : TestCgroup.make('cpu', PATH);

  add(pid: number): void {
    this.memory.add(pid);
    this.#cpu?.add(pid);
  }

  /** A task of the unit waits for CPUs a few times. */
  async work(): Promise<void> {
    const task = spawn('sh', ['-c', 'read go; for i in 1 2 3 4 5 6 7 8 9; do sleep 0.001; done']);
    this.add(task.pid ?? 0);
    task.stdin.end('go\n');
    await once(task, 'exit');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#cpu?.[Symbol.asyncDispose]();
    await this.memory[Symbol.asyncDispose]();
  }
}

test('a unit has series, an OOM kill in it is told and counted, and both go on with its next start', {
  skip,
}, async () => {
  await using agent = await AgentProcess.start({ only: ['oom', 'runqlat', 'memory_usage'] });
  /** The unit's value in a family; a histogram's count. */
  const value = async (collector: string, family: string): Promise<number> => {
    const samples = (await agent.metrics(collector)).get(family)?.samples ?? [];
    const own = samples.filter(({ labels }) => labels.systemd_unit === UNIT);
    assert.ok(own.every(({ labels }) => !Object.keys(labels).some((name) => name.startsWith('container_'))));
    return own.find(({ name }) => name === family || name === `${family}_count`)?.value ?? 0;
  };
  const waits = () => value('runqlat', 'huatuo_unit_runqueue_wait_seconds');
  const kills = () => value('oom', 'huatuo_unit_oom_kills_total');

  const before = await (async () => {
    await using unit = new Start();
    await unit.work();
    unit.memory.limitMemory(LIMIT_BYTES);
    await using holder = new Allocator();
    await using victim = new Allocator();
    for (const { pid } of [holder, victim]) unit.add(pid);
    await holder.ask({ bytes: 16 * MIB });
    const used = await agent.until('its memory', () =>
      value('memory_usage', 'huatuo_unit_memory_usage_bytes'),
    );
    assert.ok(used <= LIMIT_BYTES);
    await victim.ask({ oomScoreAdj: 1000, bytes: 64 * MIB });
    const { fields, data } = await agent.until('the document of the kill', () =>
      agent.documents('oom').find(({ data }) => (data.victim as Victim).pid === victim.pid),
    );
    assert.deepEqual([fields.systemd_unit, fields.cgroup_path], [UNIT, PATH]);
    const killed = data.victim as Victim;
    assert.deepEqual([killed.systemd_unit, killed.cgroup.path], [UNIT, PATH]);
    assert.equal(killed.cgroup.max, LIMIT_BYTES);
    assert.ok(Object.keys(killed.cgroup.stat).length > 0 && Object.keys(killed.cgroup.events).length > 0);
    const left = killed.cgroup.largest_processes?.find(({ pid }) => pid === holder.pid);
    assert.ok((left?.rss_bytes ?? 0) >= 16 * MIB, 'who is left, and has how much');
    return {
      waits: await agent.until('its waits for CPUs', waits),
      kills: await agent.until('its count of kills', kills),
    };
  })();

  await using next = new Start();
  await next.work();
  await agent.until('waits of both starts', async () => (await waits()) > before.waits);
  assert.equal(await kills(), before.kills);
});

interface Victim {
  readonly pid: number;
  readonly systemd_unit: string;
  readonly cgroup: {
    readonly path: string;
    readonly max: number;
    readonly stat: object;
    readonly events: object;
    readonly largest_processes?: readonly { readonly pid: number; readonly rss_bytes: number }[];
  };
}
