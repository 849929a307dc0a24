/** What is wrong with the host, the configuration or a collector is said in full, and costs no more than it must. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  copyFileSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'node:test';
import type { ActorStatus } from '../../src/actor/state.ts';
import { buildDirectory } from '../../src/build/collectors.ts';
import { at } from '../../src/paths.ts';
import { AgentProcess } from '../support/agent.ts';
import { builtCollectors, FLOOD_CONFIG, flood } from '../support/flood.ts';
import { skipWithoutBpf } from '../support/kernel.ts';
import { sampleValue } from '../support/prometheus-text.ts';

const skip = skipWithoutBpf();
const NOBODY = 65534;
const BPF_COLLECTORS = ['oom', 'runqlat', 'softirq'];

function temporary(): Disposable & { readonly path: string } {
  const path = mkdtempSync(join(tmpdir(), 'huatuo-bad-'));
  return { path, [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }) };
}

/** Every BPF collector is unsupported for the same reason, file collectors answer, and nothing is retried. */
async function assertOnlyFiles(agent: AgentProcess, code: string, message: RegExp): Promise<void> {
  const { agent: whole, actors } = await agent.status();
  assert.equal(whole.state, 'degraded');
  for (const name of BPF_COLLECTORS) {
    const { state, reason, restarts } = actors.find((actor) => actor.name === name) as ActorStatus;
    assert.deepEqual([state, reason?.code, restarts], ['unsupported', code, 0], name);
    assert.match(reason?.message ?? '', message);
  }
  const page = await agent.metrics();
  assert.ok(sampleValue(page, 'huatuo_bamai_loadavg_load1') >= 0);
  assert.equal(sampleValue(page, 'huatuo_actor_state', { actor: 'oom', state: 'unsupported' }), 1);
  assert.match(await agent.get('/-/ready'), /degraded/);
  assert.deepEqual(await agent.stop(), { code: 0, signal: null }, agent.stderr);
}

test('without root the BPF collectors say what they lack, file collectors work', { skip }, async () => {
  const wrapper = ['setpriv', `--reuid=${NOBODY}`, `--regid=${NOBODY}`, '--clear-groups'];
  await using agent = await AgentProcess.start({ wrapper, owner: NOBODY });
  await assertOnlyFiles(
    agent,
    'PERMISSION_DENIED',
    /expected root, or CAP_BPF and CAP_PERFMON, found user id 65534 without them; run as root/,
  );
});

test('without BTF the BPF collectors say where it was looked for', { skip }, async () => {
  using empty = temporary();
  await using agent = await AgentProcess.start({ args: ['--path.sysfs', empty.path] });
  await assertOnlyFiles(
    agent,
    'BTF_MISSING',
    new RegExp(`${empty.path}/kernel/btf/vmlinux.*CONFIG_DEBUG_INFO_BTF`),
  );
});

test('without libbpf the BPF collectors say what to install', { skip }, async () => {
  using empty = temporary();
  const library = join(empty.path, 'libbpf.so.1');
  writeFileSync(library, '');
  // In a mount namespace of its own the agent sees an empty file in place of each copy of the library.
  const copies = execFileSync('/sbin/ldconfig', ['-p'], { encoding: 'utf8' }).matchAll(
    /libbpf\.so\.1 .*=> (\S+)/g,
  );
  const hide = [...copies].map(([, path]) => `mount --bind ${library} ${path}`).join(' && ');
  const wrapper = ['unshare', '--mount', 'sh', '-c', `${hide} && exec "$@"`, 'sh'];
  await using agent = await AgentProcess.start({ wrapper });
  await assertOnlyFiles(agent, 'LIBBPF_MISSING', /expected libbpf\.so\.1, found .*; install libbpf 1\.x/);
});

test('an agent that may open too few files says what raises the limit, and lives', { skip }, async () => {
  const supervisor = { heartbeat_timeout: '2s', backoff_min: '10ms', backoff_max: '10ms' };
  await using agent = AgentProcess.spawn({ wrapper: ['prlimit', '--nofile=60'], config: { supervisor } });
  await agent.until('the remedy', () =>
    /EMFILE; raise the limit of open files .*LimitNOFILE=/.test(agent.stderr),
  );
  // Its memory is looked at every two thirds of a second, which takes a file, too.
  const said_ms = Date.now();
  await agent.until('three looks at its memory', () => Date.now() > said_ms + 3000);
  assert.doesNotMatch(agent.stderr, /uv_resident_set_memory/);
});

test('an agent that runs and may open no more file leaves out what takes one, and lives', {
  skip,
}, async () => {
  const supervisor = { heartbeat_timeout: '2s' };
  await using agent = await AgentProcess.start({ only: ['softlockup'], config: { supervisor } });
  await agent.until('its programs to run', async () => (await agent.actor('softlockup')).state === 'running');
  const setLimit = (soft: string): void =>
    void execFileSync('prlimit', ['--pid', `${agent.pid}`, `--nofile=${soft}:`]);
  setLimit('1');
  await agent.until('what it does without', () => /EMFILE.*following the CPUs/.test(agent.stderr));
  setLimit('4096');
  const { state, vitals } = await agent.actor('softlockup');
  assert.equal(state, 'running');
  assert.ok((vitals?.failed_attempts ?? 0) > 0);
});

test('an unknown key in the configuration: exit code 78, with a suggestion', async () => {
  const { code, stderr } = await AgentProcess.run({ config: { supervisor: { restart: 3 } } });
  assert.equal(code, 78);
  assert.match(stderr, /supervisor\.restart: found an unknown key.*did you mean restarts\?/);
});

test('a port that is taken: exit code 1, the address and what to do', async () => {
  const taken = createServer().listen(0, '127.0.0.1');
  try {
    await once(taken, 'listening');
    const { port } = taken.address() as AddressInfo;
    const { code, stderr } = await AgentProcess.run({
      config: { web: { listen_address: `127.0.0.1:${port}` } },
      only: ['loadavg'],
    });
    assert.equal(code, 1);
    assert.match(stderr, new RegExp(`PORT_IN_USE.*127\\.0\\.0\\.1:${port}.*--web\\.listen-address`));
    assert.equal(stderr.trimEnd().split('\n').length, 1, stderr);
  } finally {
    taken.close();
  }
});

test('a journal directory that others can write: exit code 1, owner and mode', async () => {
  using shared = temporary();
  chmodSync(shared.path, 0o777);
  const { code, stderr } = await AgentProcess.run({
    config: { journal: { directory: shared.path } },
    only: ['loadavg'],
  });
  assert.equal(code, 1);
  assert.match(stderr, new RegExp(`DIRECTORY_NOT_WRITABLE.*${shared.path}.*mode 0777.*chmod it to 0700`));
});

test('a journal directory that is a file: exit code 1', async () => {
  using place = temporary();
  const file = join(place.path, 'file');
  writeFileSync(file, '');
  const { code, stderr } = await AgentProcess.run({
    config: { journal: { directory: file } },
    only: ['loadavg'],
  });
  assert.equal(code, 1);
  assert.match(stderr, /CONFIG_INVALID.*which is no directory/);
});

test('two agents on one journal: the second one ends and names the first', async () => {
  await using first = await AgentProcess.start({ only: ['loadavg'] });
  const { code, stderr } = await AgentProcess.run({
    config: { journal: { directory: first.journal } },
    only: ['loadavg'],
  });
  assert.equal(code, 1);
  assert.match(stderr, new RegExp(`it is held by process ${first.pid}`));
});

test('an object and a decoder that were not built together: refused with both layouts, others run', {
  skip,
}, async () => {
  using place = temporary();
  const [sources, other, mixed] = ['sources', 'other', 'mixed'].map((name) => join(place.path, name)) as [
    string,
    string,
    string,
  ];
  cpSync(await builtCollectors('collectors'), mixed, { recursive: true });
  mkdirSync(sources);
  const source = readFileSync(at('test/fixtures/collectors/flood.bpf.c'), 'utf8');
  const changed = source.replace(
    '\tpid_nr pid DOC',
    '\thex64 cookie DOC("New in this version");\n\tpid_nr pid DOC',
  );
  assert.notEqual(changed, source);
  writeFileSync(join(sources, 'flood.bpf.c'), changed);
  assert.deepEqual((await buildDirectory(sources, other)).failures, []);
  copyFileSync(join(other, 'flood.bpf.o'), join(mixed, 'flood.bpf.o'));

  await using agent = await AgentProcess.start({ collectors: mixed, only: ['flood', 'runqlat'] });
  const { state, reason } = await agent.actor('flood');
  assert.deepEqual([state, reason?.code], ['unsupported', 'LAYOUT_MISMATCH']);
  const message = reason?.message ?? '';
  const [decoder = '', object = ''] = message.split("the object's:");
  assert.ok(!decoder.includes('cookie') && decoder.includes('sequence_count'), message);
  assert.ok(object.includes('cookie') && object.includes('sequence_count'), message);
  assert.match(object, /npm run build/);
  assert.equal((await agent.actor('runqlat')).state, 'running');
});

test('a tracepoint that this kernel does not have: unsupported by its name, others run', {
  skip,
}, async () => {
  using place = temporary();
  for (const built of [await builtCollectors('collectors'), await builtCollectors('collectors/unsupported')])
    cpSync(built, place.path, { recursive: true });
  await using agent = await AgentProcess.start({
    collectors: place.path,
    only: ['flood', 'no_such_tracepoint'],
    config: { collectors: { flood: FLOOD_CONFIG } },
  });
  const { state, reason, restarts } = await agent.actor('no_such_tracepoint');
  assert.deepEqual([state, reason?.code, restarts], ['unsupported', 'TRACEPOINT_MISSING', 0]);
  assert.match(reason?.message ?? '', /expected tracepoint no_such_tracepoint, found a kernel without it/);
  flood(10);
  await agent.until('the other collector to work', () => agent.documents('flood').length === 10);
});
