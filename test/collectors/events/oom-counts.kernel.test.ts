/** Documents, counters and ledger of OOM kills against the kernel's own counts of them. */
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import { PinPlace } from '../../soak/pin-place.ts';
import { WorkerFuse } from '../../soak/worker-fuse.ts';
import { AgentProcess } from '../../support/agent.ts';
import { Allocator } from '../../support/allocator.ts';
import { hierarchyOf, skipWithoutController, TestCgroup } from '../../support/cgroup.ts';
import { mountPointOf } from '../../support/container-cgroups.ts';
import { eventually } from '../../support/eventually.ts';
import { skipWithoutKernelType } from '../../support/kernel.ts';
import { hostKills, kernelKills, killIn, LIMIT_BYTES, MIB } from '../../support/oom-kills.ts';
import { sampleValue } from '../../support/prometheus-text.ts';

const skip = skipWithoutKernelType('btf_trace_mark_victim') || skipWithoutController('memory');
const ENGINES_OFF = { docker: 'none', podman: 'none', cri: [], oci: 'none' };

const FREEZER = mountPointOf('freezer') ?? '';

function removed(directory: string): boolean {
  try {
    rmdirSync(directory);
    return true;
  } catch {
    return false;
  }
}

interface Victim {
  readonly pid: number;
  readonly container_id?: string;
}

interface Marked {
  readonly victim: Victim;
  readonly kills_count: number;
}

let containers = 0;
function containerId(): string {
  return `${process.pid.toString(16)}${(++containers).toString(16).padStart(4, '0')}`.padStart(64, 'c');
}

function container(id: string): TestCgroup {
  const cgroup = TestCgroup.make('memory', `/docker/${id}`);
  cgroup.limitMemory(LIMIT_BYTES);
  return cgroup;
}

function startAgent(options: Parameters<typeof AgentProcess.start>[0] = {}): Promise<AgentProcess> {
  const config = { containers: ENGINES_OFF, ...options.config };
  return AgentProcess.start({ only: ['oom'], ...options, config });
}

/** Documents of that many victims, once they are there. */
function victims(agent: AgentProcess, count: number): Promise<Victim[]> {
  return agent.until(`${count} documents`, () => {
    const found = agent.documents('oom').map(({ data }) => data.victim as Victim);
    return found.length >= count ? found : undefined;
  });
}

/** What the page says of a container: the count that rises, and the one with the newest victim's name. */
async function counts(agent: AgentProcess, container_id: string): Promise<(number | undefined)[]> {
  const page = await agent.metrics('oom');
  return ['huatuo_container_oom_kills_total', 'huatuo_bamai_oom_container_total'].map((name) =>
    page.get(name) ? sampleValue(page, name, { container_id }) : undefined,
  );
}

/** Nothing was lost, and nothing waits. */
async function assertBooks(agent: AgentProcess, documents: number): Promise<void> {
  const row = await agent.until('the books to balance', async () => {
    const now = await agent.ledger('oom');
    return String(now?.difference) === '0' ? now : undefined;
  });
  assert.deepEqual([row?.produced, row?.journalled, row?.difference].map(String), [
    String(documents),
    String(documents),
    '0',
  ]);
  assert.equal(agent.documents('oom').length, documents);
}

test('kills in containers, in one that ends of it, and of the host are counted as by the kernel', {
  skip,
}, async () => {
  await using agent = await startAgent();
  const [many, ended] = [containerId(), containerId()];
  const before = hostKills();
  await using cgroup = container(many);
  await using host = TestCgroup.make('memory', `/huatuo-oom-counts-${process.pid}`);
  host.limitMemory(LIMIT_BYTES);
  {
    await using last = container(ended);
    await killIn(last, 'the last');
    assert.equal(kernelKills(last), 1);
  }
  for (const comm of ['one', 'two', 'three']) await killIn(cgroup, comm);
  await killIn(host);
  await victims(agent, 5);

  assert.deepEqual(await counts(agent, ended), [1, 1], 'its cgroup was gone before the first scrape');
  assert.deepEqual(await counts(agent, ended), [1, 1], 'and it stays for those who scrape less often');
  assert.deepEqual(await counts(agent, many), [kernelKills(cgroup), 3]);
  const page = await agent.metrics('oom');
  const labels = { container_id: many, latest_victim_comm: 'three' };
  assert.equal(sampleValue(page, 'huatuo_bamai_oom_container_total', labels), 3);
  assert.equal(sampleValue(page, 'huatuo_bamai_oom_host_total'), kernelKills(host));
  assert.ok(hostKills() - before >= 5, 'the kernel counts them, too');
  assert.equal(hostKills() - before, 5, 'no other kill happens on this host meanwhile');
  await assertBooks(agent, 5);
});

test('a container’s series go when keep_gone has passed since a scrape has seen its end', {
  skip,
}, async () => {
  await using agent = await startAgent({
    config: { containers: { ...ENGINES_OFF, keep_gone: '1s' } },
  });
  const id = containerId();
  {
    await using cgroup = container(id);
    await killIn(cgroup);
    await victims(agent, 1);
  }
  assert.deepEqual(await counts(agent, id), [1, 1]);
  await agent.until('its series to go', async () => {
    const page = await agent.get('/metrics?collect[]=oom');
    return !page.includes(id);
  });
});

test('a task that was dying already is marked and not counted, as the kernel does it', {
  skip: skip || (existsSync(join(FREEZER, 'tasks')) ? false : 'needs the v1 freezer'),
}, async () => {
  await using agent = await startAgent();
  const id = containerId();
  await using cgroup = container(id);
  const freezer = join(FREEZER, `huatuo-oom-${process.pid}`);
  mkdirSync(freezer);
  await using made = new AsyncDisposableStack();
  made.defer(async () => void (await eventually('its tasks to be gone', () => removed(freezer))));
  const file = join(freezer, 'freezer.state');
  const state = (name: string): void => writeFileSync(file, name);
  await using dying = new Allocator();
  await using trigger = new Allocator();
  for (const { pid } of [dying, trigger]) cgroup.add(pid);
  await dying.ask({ oomScoreAdj: 1000, bytes: 64 * MIB });
  writeFileSync(join(freezer, 'cgroup.procs'), String(dying.pid));
  state('FROZEN');
  try {
    await agent.until('the victim to stand still', () => readFileSync(file, 'utf8').trim() === 'FROZEN');
    process.kill(dying.pid, 'SIGKILL');
    await Promise.race([trigger.ask({ bytes: 60 * MIB }), victims(agent, 1)]);
  } finally {
    state('THAWED');
  }
  await victims(agent, 1);
  const [first] = agent.documents('oom').map(({ data }) => data as unknown as Marked);
  assert.deepEqual([first?.victim.pid, first?.kills_count], [dying.pid, 0]);
  // The trigger may be killed after it, when the memory is slow to come back.
  await agent.until(
    'the page to say what the kernel says',
    async () => ((await counts(agent, id))[0] ?? 0) === kernelKills(cgroup),
  );
});

test('a kill counts once when the worker ends around it', { skip }, async () => {
  using fuse = new WorkerFuse();
  const supervisor = { restarts: 50, backoff_min: '10ms' };
  await using agent = await startAgent({ env: fuse.env, config: { supervisor } });
  const id = containerId();
  await using cgroup = container(id);
  await killIn(cgroup);
  await victims(agent, 1);
  fuse.light('oom', 'exit');
  await agent.until('the worker to fail', () => !fuse.waiting);
  await killIn(cgroup, 'without worker');
  await victims(agent, 2);
  for (let round = 0; round < 3; round++) {
    fuse.light('oom', 'exit');
    await killIn(cgroup, `round ${round}`);
    await agent.until('the worker to fail', () => !fuse.waiting);
  }
  await victims(agent, 5);
  await agent.until('the worker to run', async () => (await agent.actor('oom')).state === 'running');
  await agent.until('the count', async () => ((await counts(agent, id))[0] ?? 0) >= 5);
  assert.deepEqual(await counts(agent, id), [kernelKills(cgroup), 5]);
  await assertBooks(agent, 5);
});

test('counts go on over a reload that replaces the worker, and are what documents say', {
  skip,
}, async () => {
  await using agent = await startAgent();
  const id = containerId();
  await using cgroup = container(id);
  await killIn(cgroup);
  await victims(agent, 1);
  agent.configure({ containers: ENGINES_OFF, collectors: { oom: { cpu: { nice: 1 } } } });
  const [reload] = await Promise.all([agent.reload(), killIn(cgroup)]);
  assert.match(reload, /oom/);
  await killIn(cgroup, 'after');
  // One that came while no program was attached has no document.
  await victims(agent, 2);
  // The first of a new worker may wait for its owner in vain, on a loaded host: that is counted as such.
  const counted = async (): Promise<number> => {
    const page = await agent.metrics('oom');
    const [kills = 0] = await counts(agent, id);
    const names = ['huatuo_oom_unknown_owner_total', 'huatuo_bamai_oom_host_total'];
    return names.reduce((sum, name) => sum + sampleValue(page, name), kills);
  };
  await agent.until('one count for each document', async () => {
    // A collector that is starting has no metrics yet.
    const now = await counted().catch(() => Number.NaN);
    return now >= 2 && now === agent.documents('oom').length;
  });
  const said = agent.documents('oom').length;
  assert.ok(said <= kernelKills(cgroup));
});

test('with pins, a kill while no agent runs is counted by the next one', { skip }, async () => {
  using pins = new PinPlace();
  const id = containerId();
  await using cgroup = container(id);
  const config = { bpf: { pin: true, pin_directory: pins.directory } };
  {
    await using first = await startAgent({ config });
    await killIn(cgroup);
    await victims(first, 1);
    await first.stop();
  }
  assert.ok(existsSync(pins.directory));
  await killIn(cgroup);
  await killIn(cgroup);
  await using second = await startAgent({ config });
  await victims(second, 2);
  assert.deepEqual(await counts(second, id), [2, 2]);
  assert.equal(kernelKills(cgroup), 3, 'one of them was the first agent’s');
});

test('a container that only the v2 hierarchy knows is not the host', {
  skip:
    skip ||
    (hierarchyOf('memory')?.controllers.includes('unified') ? 'memory is a controller of v2 here' : false),
}, async () => {
  await using agent = await startAgent();
  const id = containerId();
  await using slice = TestCgroup.make('memory', `/huatuo-oom-slice-${process.pid}`);
  slice.limitMemory(LIMIT_BYTES);
  await using scope = TestCgroup.make('unified', `/libpod-${id}.scope`);
  await using victim = new Allocator();
  slice.add(victim.pid);
  scope.add(victim.pid);
  await victim.ask({ oomScoreAdj: 1000, bytes: 2 * LIMIT_BYTES });
  await victims(agent, 1);
  assert.deepEqual(await counts(agent, id), [1, 1]);
  assert.equal(sampleValue(await agent.metrics('oom'), 'huatuo_bamai_oom_host_total'), 0);
});
