/** What `huatuo list` says of programs is what the kernel says when it loads them. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import type { ListedCollector } from '../../src/cli/list.ts';
import { at } from '../../src/paths.ts';
import { builtCollectors } from '../support/flood.ts';
import { skipWithoutBpf } from '../support/kernel.ts';

const skip = skipWithoutBpf();

async function list(...flags: string[]): Promise<string> {
  const argv = [
    at('src/cli/huatuo.mjs'),
    'list',
    '--path.collectors',
    await builtCollectors('collectors/attach'),
  ];
  const env = { ...process.env, HUATUO_CONFIG_FILE: '' };
  const { status, stdout, stderr } = spawnSync(process.execPath, [...argv, ...flags], {
    encoding: 'utf8',
    env,
  });
  assert.equal(status, 0, stderr);
  return stdout;
}

test('each program is listed with what becomes of it here; what a collector can do without does not make it unsupported', {
  skip,
}, async () => {
  const rows = JSON.parse(await list('-o', 'json')) as ListedCollector[];
  const of = (collector: string): Record<string, string> => {
    const { state, programs } = rows.find(({ name }) => name === collector)!;
    assert.equal(state, 'supported');
    return Object.fromEntries(programs.map((program) => [program.program, program.state]));
  };
  assert.partialDeepStrictEqual(of('kinds'), {
    renamed_btf: 'runs',
    sampled: 'runs',
    missing: 'missing',
    renamed___newest: 'missing',
    renamed___older: 'runs',
  });
  assert.partialDeepStrictEqual(of('refused'), { careless: 'missing', also_renamed___careful: 'runs' });
  assert.deepEqual(of('oom'), {
    victim_marked___with_limit: 'runs',
    victim_marked___before_5_17: 'spare',
  });
});

test('the table names programs that are missing, with the first line of the reason, and variants that run instead', {
  skip,
}, async () => {
  const table = await list();
  assert.match(table, /^kinds .* supported .*Programs of every kind/m);
  assert.match(table.replaceAll(/\s+/g, ' '), /Without missing: expected tracepoint no_such_tracepoint/);
  assert.match(
    table.replaceAll(/\s+/g, ' '),
    /loaded___second \(tp_btf\/task_rename\) instead of loaded___first: expected the verifier/,
  );
});

test('what captures load has nothing to be told of where this kernel takes all of it', { skip }, () => {
  const { status, stderr } = spawnSync(at('src/cli/huatuo'), ['list'], { encoding: 'utf8' });
  assert.deepEqual([status, stderr], [0, '']);
});
