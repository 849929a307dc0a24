/**
 * All collectors in one agent: what only it can show. Whose an event is, as the thread `containers` finds it in the cgroup tree; that
 * the ledger closes; and the metrics page, with the names that existing HuaTuo dashboards query.
 */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { agentMetrics } from '../../src/build/agent-metrics.ts';
import { AgentProcess } from '../support/agent.ts';
import { Allocator } from '../support/allocator.ts';
import { hierarchyOf, skipWithoutController, TestCgroup } from '../support/cgroup.ts';
import { skipWithoutPrograms } from '../support/container-programs.ts';
import { directIo, LoopDevice } from '../support/disks.ts';
import { skipWithoutBpf, skipWithoutKernelType } from '../support/kernel.ts';
import { openMetricsLint } from '../support/openmetrics-lint.ts';
import { parsePage, samplesOf, sampleValue } from '../support/prometheus-text.ts';
import { promlint } from '../support/promlint.ts';
import { promtoolComplaints } from '../support/promtool.ts';
import { skipWithoutTcpPair, TcpPair } from '../support/tcp-pair.ts';
import { retryUnseen } from '../support/unseen.ts';

const skip = skipWithoutBpf();
const HOST = ['region', 'host'];
const CONTAINER = [
  'region',
  'host',
  'container_host',
  'container_name',
  'container_type',
  'container_level',
  'container_hostnamespace',
  'container_id',
];

/** Name, type and labels as existing dashboards know them; that of OOM kills in containers is tested with its collector. */
const UPSTREAM: readonly (readonly [name: string, type: string, labels: readonly string[]])[] = [
  ['huatuo_bamai_cpu_util_usr', 'gauge', HOST],
  ['huatuo_bamai_cpu_util_sys', 'gauge', HOST],
  ['huatuo_bamai_cpu_util_total', 'gauge', HOST],
  ['huatuo_bamai_cpu_util_container_cores', 'gauge', CONTAINER],
  ['huatuo_bamai_cpu_util_container_usr', 'gauge', CONTAINER],
  ['huatuo_bamai_cpu_util_container_sys', 'gauge', CONTAINER],
  ['huatuo_bamai_cpu_util_container_total', 'gauge', CONTAINER],
  ['huatuo_bamai_cpu_stat_container_nr_throttled', 'counter', CONTAINER],
  ['huatuo_bamai_cpu_stat_container_throttled_time', 'counter', CONTAINER],
  ['huatuo_bamai_loadavg_load1', 'gauge', HOST],
  ['huatuo_bamai_loadavg_load5', 'gauge', HOST],
  ['huatuo_bamai_loadavg_load15', 'gauge', HOST],
  ['huatuo_bamai_loadavg_container_nr_running', 'gauge', CONTAINER],
  ['huatuo_bamai_loadavg_container_nr_uninterruptible', 'gauge', CONTAINER],
  ['huatuo_bamai_arp_total', 'gauge', HOST],
  ['huatuo_bamai_arp_container_entries', 'gauge', CONTAINER],
  ['huatuo_bamai_netdev_receive_bytes_total', 'counter', [...HOST, 'device']],
  ['huatuo_bamai_netdev_receive_nohandler_total', 'counter', [...HOST, 'device']],
  ['huatuo_bamai_netdev_container_receive_bytes_total', 'counter', [...CONTAINER, 'device']],
  ['huatuo_bamai_netdev_qdisc_drops_total', 'counter', [...HOST, 'device', 'kind']],
  ['huatuo_bamai_netstat_Tcp_RetransSegs', 'counter', HOST],
  ['huatuo_bamai_netstat_container_Tcp_RetransSegs', 'counter', CONTAINER],
  ['huatuo_bamai_netstat_TcpExt_ListenDrops', 'counter', HOST],
  ['huatuo_bamai_sockstat_sockets_used', 'gauge', HOST],
  ['huatuo_bamai_sockstat_container_sockets_used', 'gauge', CONTAINER],
  ['huatuo_bamai_tcp_memory_usage_bytes', 'gauge', HOST],
  ['huatuo_bamai_runqlat_latency', 'counter', [...HOST, 'zone']],
  ['huatuo_bamai_runqlat_container_latency', 'counter', [...CONTAINER, 'zone']],
  ['huatuo_bamai_softirq_latency', 'counter', [...HOST, 'cpuid', 'type', 'zone']],
  ['huatuo_bamai_oom_host_total', 'counter', HOST],
  ['huatuo_bamai_memory_vmstat_nr_free_pages', 'gauge', HOST],
  ['huatuo_bamai_memory_vmstat_allocstall_normal', 'counter', HOST],
  ['huatuo_bamai_memory_vmstat_container_inactive_anon', 'gauge', CONTAINER],
  ['huatuo_bamai_memory_events_container_max', 'counter', CONTAINER],
  ['huatuo_bamai_memory_buddyinfo_blocks', 'gauge', [...HOST, 'node', 'zone', 'order']],
  ['huatuo_bamai_memory_free_allocpages_stall', 'counter', HOST],
  ['huatuo_bamai_memory_free_compaction_stall', 'counter', HOST],
  ['huatuo_bamai_mountpoint_perm_ro', 'gauge', [...HOST, 'mountpoint']],
  ['huatuo_bamai_diskio_read_requests_total', 'counter', [...HOST, 'device']],
  ['huatuo_bamai_diskio_disk_iowait_percent', 'gauge', HOST],
];

/** The container that all of them are asked about. */
const ID = process.pid.toString(16).padStart(64, 'd');
const MIB = 1 << 20;

type Fields = Readonly<Record<string, unknown>>;

describe('one agent with all collectors', { skip }, () => {
  const made = new AsyncDisposableStack();
  /** The container's, by controller. */
  const cgroups = new Map<string, TestCgroup>();
  let agent: AgentProcess;

  before(async () => {
    const script = 'while sleep 0.02; do :; done';
    const task = spawn('unshare', ['--net', 'sh', '-c', script], { stdio: 'ignore' });
    made.defer(async () => {
      // Its cgroups can be removed when it is gone: they are disposed of after it.
      for (const cgroup of [...cgroups.values()].reverse()) await cgroup[Symbol.asyncDispose]();
    });
    made.defer(async () => {
      const ended = once(task, 'exit');
      task.kill('SIGKILL');
      await ended;
    });
    // In one hierarchy, or in each of those that v1 has for it.
    const mountPoints = new Set<string>();
    for (const controller of ['cpu', 'cpuacct', 'cpuset', 'memory', 'blkio']) {
      const hierarchy = hierarchyOf(controller);
      if (!hierarchy || mountPoints.has(hierarchy.mountPoint)) continue;
      mountPoints.add(hierarchy.mountPoint);
      const cgroup = TestCgroup.make(controller, `/docker/${ID}`);
      cgroups.set(controller, cgroup);
      if (cgroup.version === 1 && controller === 'cpuset') inheritCpus(cgroup.path);
      cgroup.add(task.pid ?? 0);
    }
    agent = made.use(
      await AgentProcess.start({
        args: ['--collector.tcp_retransmit'],
        config: {
          region: 'somewhere',
          bpf: { stats: true },
          containers: { keep_gone: '1s' },
          collectors: {
            softirq: { threshold: '1ns', max_events_per_second_per_cpu: 1 },
            // For a host and a container with nothing but loopback.
            netdev: { exclude: '' },
            netdev_qdisc: { exclude: '' },
          },
        },
      }),
    );
  });
  after(() => made.disposeAsync());

  /** Of the container in one hierarchy; with v2 there is one. */
  const cgroupOf = (controller: string): TestCgroup => {
    const cgroup = cgroups.get(controller) ?? [...cgroups.values()][0];
    assert.ok(cgroup);
    return cgroup;
  };

  const assertOwner = ({ container_id, container_hostname, container_type, container_qos }: Fields): void =>
    assert.deepEqual(
      { container_id, container_hostname, container_type, container_qos },
      {
        container_id: ID,
        container_hostname: ID.slice(0, 12),
        container_type: 'normal',
        container_qos: 'unknown',
      },
    );

  test('every name of the existing dashboards is there with its type and labels, also for the container', async () => {
    const ours = { container_host: ID.slice(0, 12) };
    // Use of CPUs and disks is a difference: it takes two samples of the collector's own clock.
    let missing: readonly string[] = [];
    const text = await agent.until(
      () => `samples of the host and of the container, without ${missing.join(', ')}`,
      async () => {
        const page = await agent.get('/metrics');
        const families = parsePage(page);
        missing = UPSTREAM.filter(
          ([name, , labels]) =>
            samplesOf(families, name, labels.includes('container_host') ? ours : {}).length === 0,
        ).map(([name]) => name);
        return missing.length === 0 ? page : undefined;
      },
    );
    const page = parsePage(text);
    for (const [name, type, labels] of UPSTREAM) {
      assert.equal(page.get(name)?.type, type, name);
      for (const sample of samplesOf(page, name)) {
        assert.deepEqual(Object.keys(sample.labels).sort(), labels.toSorted(), name);
        assert.equal(sample.labels.region, 'somewhere', name);
        assert.ok(Number.isFinite(sample.value) && sample.value >= 0, `${name} is ${sample.value}`);
      }
      assert.ok(samplesOf(page, name).length > 0, name);
    }
    const waits = samplesOf(page, 'huatuo_bamai_runqlat_container_latency', ours);
    assert.ok(
      waits.reduce((sum, { value }) => sum + value, 0) > 0,
      'the task in the container has waited for a CPU',
    );
    assert.deepEqual([...promlint(text), ...promtoolComplaints(text)], []);
  });

  test('the same page as OpenMetrics, and the agent’s own, which is not on it', async () => {
    const accept = 'application/openmetrics-text;version=1.0.0';
    assert.deepEqual(openMetricsLint(await agent.get('/metrics', { accept })), []);
    const own = await agent.get('/metrics?collect[]=agent');
    assert.deepEqual([...promlint(own), ...promtoolComplaints(own)], []);
    const [every, detailed] = [await agent.metrics(), parsePage(own)];
    const listed = new Map(agentMetrics().map((metric) => [metric.name, metric]));
    for (const [name, { type, samples }] of detailed) {
      assert.equal(listed.get(name)?.type, type, name);
      const shown = new Set(samples.flatMap(({ labels }) => Object.keys(labels)));
      for (const label of listed.get(name)?.labels ?? []) assert.ok(shown.has(label), `${name} by ${label}`);
      assert.equal(every.has(name), listed.get(name)?.isUsual, `${name} on every page`);
    }
    assert.ok(detailed.has('huatuo_actor_heap_bytes') && !every.has('huatuo_actor_heap_bytes'));
    const actors = samplesOf(every, 'huatuo_actor_state', { actor: 'runqlat' });
    assert.deepEqual(
      actors.map(({ labels, value }) => [labels.state, value]),
      [['running', 1]],
    );
    assert.ok(sampleValue(every, 'process_resident_memory_bytes') > MIB);
    assert.ok(sampleValue(every, 'process_open_fds') > 0);
    const success = 'huatuo_scrape_collector_last_success_timestamp_seconds';
    assert.ok(Math.abs(Date.now() / 1000 - sampleValue(every, success, { collector: 'loadavg' })) < 3600);
  });

  test('what each program costs is there, because it is asked for', async () => {
    const ran = { collector: 'runqlat' };
    await agent.until('measured runs', async () => {
      const page = await agent.metrics();
      const [runs, seconds] = ['runs', 'run_seconds'].map((what) =>
        samplesOf(page, `huatuo_bpf_program_${what}_total`, ran).reduce((sum, { value }) => sum + value, 0),
      );
      return (runs ?? 0) > 0 && (seconds ?? 0) > 0;
    });
  });

  test('a scrape of one collector has its metrics and no others', async () => {
    const page = await agent.metrics('loadavg');
    assert.ok(sampleValue(page, 'huatuo_bamai_loadavg_load1') >= 0);
    assert.deepEqual(samplesOf(page, 'huatuo_bamai_runqlat_latency'), []);
    await assert.rejects(agent.metrics('nothing'), /400/);
  });

  test('softirq: what the rate limit suppresses is on the page, and the ledger closes', async () => {
    const labels = { collector: 'softirq', cause: 'rate_limited' };
    await agent.until('suppressed events on the metrics page', async () =>
      sampleValue(await agent.metrics(), 'huatuo_events_dropped_total', labels),
    );
    const ledger = await agent.until('a ledger without pending events', async () => {
      const row = await agent.ledger('softirq');
      return row?.pending_bytes === '0' ? row : undefined;
    });
    const { produced, journalled, dropped_ring_full, rate_limited, malformed, difference } = ledger;
    assert.deepEqual([difference, malformed], ['0', '0']);
    const parts = [journalled, dropped_ring_full, rate_limited, malformed].map(BigInt);
    assert.equal(
      BigInt(produced),
      parts.reduce((sum, part) => sum + part, 0n),
    );
    assert.ok(Number(journalled) > 0);
    assert.ok(agent.documents('softirq').length >= Number(journalled), 'what is journalled is on disk');
  });

  test('oom: a kill in the container is a document of the container, and counted as its own', {
    skip: skipWithoutKernelType('btf_trace_mark_victim') || skipWithoutController('memory'),
  }, async () => {
    const cgroup = cgroupOf('memory');
    cgroup.limitMemory(96 * MIB);
    {
      await using victim = new Allocator();
      await using trigger = new Allocator();
      for (const { pid } of [victim, trigger]) cgroup.add(pid);
      await victim.ask({ oomScoreAdj: 1000, bytes: 64 * MIB });
      await trigger.ask({ bytes: 48 * MIB });
      await agent.until('the kernel to kill the victim', () => victim.killedBy === 'SIGKILL');
    }
    const { fields, data } = await agent.until('the document of the kill', () => agent.documents('oom')[0]);
    assertOwner(fields);
    const bootId = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim().replaceAll('-', '');
    assert.match(String(fields.event_id), new RegExp(`^${bootId}-oom-\\d+-[0-9a-f]{16}$`));
    const { schema_version, tracer_name, tracer_type, region } = fields;
    assert.deepEqual(
      { schema_version, tracer_name, tracer_type, region },
      { schema_version: 1, tracer_name: 'oom', tracer_type: 'event', region: 'somewhere' },
    );
    const state = (data.victim as { cgroup?: { path: string; max: number } }).cgroup;
    assert.deepEqual([state?.path, state?.max], [cgroup.name, 96 * MIB], 'known when the task is gone');
    await agent.until('its ledger to close', async () => (await agent.ledger('oom'))?.difference === '0');
    const page = await agent.metrics('oom');
    const kills = agent.documents('oom').length;
    assert.equal(sampleValue(page, 'huatuo_bamai_oom_container_total', { container_id: ID }), kills);
    assert.equal(sampleValue(page, 'huatuo_bamai_oom_host_total'), 0);
  });

  test("tcp_retransmit: a segment of the container's process is a document of the container", {
    skip:
      skipWithoutKernelType('btf_trace_tcp_retransmit_synack') ||
      skipWithoutController('memory') ||
      skipWithoutTcpPair(),
  }, async () => {
    await retryUnseen(async () => {
      await using pair = await TcpPair.open();
      const { client, server } = pair;
      cgroupOf('memory').add(client.pid);
      await server.ask({ verb: 'listen', host: server.address(4), port: 8080 });
      await server.lose({ match: 'tcp.syn', first: 1, last: 1 });
      await client.ask({ verb: 'connect', host: server.address(4), port: 8080 });
      const document = await agent.until(
        'the document of the SYN',
        () => agent.documents('tcp_retransmit').find(({ data }) => data.net_namespace_inum === client.netns),
        20_000,
      );
      assertOwner(document.fields);
      assert.deepEqual([document.data.tcp_reason, document.data.pid], ['SYN', client.pid]);
    });
  });

  test("iolatency: requests of the container's processes are its own", {
    skip: skipWithoutController('blkio') || skipWithoutPrograms('losetup', 'dd'),
  }, async () => {
    using disk = new LoopDevice(MIB);
    const requests = async (): Promise<number> => {
      const labels = { container_id: ID, device: disk.name };
      const page = await agent.metrics('iolatency');
      const [sample] = samplesOf(page, 'huatuo_container_disk_request_seconds_count', labels);
      return sample?.value ?? 0;
    };
    await retryUnseen(async () => {
      const before = await requests();
      await directIo([`if=${disk.path}`, 'of=/dev/null', 'iflag=direct', 'count=100'], (pid) =>
        cgroupOf('blkio').add(pid),
      );
      assert.equal((await requests()) - before, 100);
    });
  });

  test('the series of a container go with it', { skip: skipWithoutController('cpu') }, async () => {
    const id = process.pid.toString(16).padStart(64, 'e');
    const labels = { container_id: id };
    {
      await using cgroup = TestCgroup.make('cpu', `/docker/${id}`);
      const task = spawn('sh', ['-c', 'while sleep 0.02; do :; done'], { stdio: 'ignore' });
      const ended = once(task, 'exit');
      cgroup.add(task.pid ?? 0);
      try {
        await agent.until(
          'its waits',
          async () =>
            samplesOf(await agent.metrics('runqlat'), 'huatuo_bamai_runqlat_container_latency', labels)
              .length,
        );
      } finally {
        task.kill('SIGKILL');
        await ended;
      }
    }
    await agent.until(
      'its series to go',
      async () =>
        samplesOf(await agent.metrics(), 'huatuo_bamai_runqlat_container_latency', labels).length === 0,
    );
  });
});

/** A v1 cpuset takes no task before it has CPUs and memory nodes. */
function inheritCpus(path: string): void {
  // From the top down: a child may only have what its parent has.
  for (const directory of [dirname(path), path]) {
    for (const file of ['cpuset.cpus', 'cpuset.mems'])
      writeFileSync(join(directory, file), readFileSync(join(dirname(directory), file)));
  }
}
