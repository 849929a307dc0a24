/** Collectors of which this kernel takes only some programs. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AgentProcess } from '../support/agent.ts';
import { builtCollectors } from '../support/flood.ts';
import { skipWithoutBpf } from '../support/kernel.ts';

const skip = skipWithoutBpf();

test('an agent whose collectors do without some programs is ready, and its status names them, and the variants that run', {
  skip,
}, async () => {
  const collectors = await builtCollectors('collectors/attach');
  await using agent = await AgentProcess.start({ collectors, only: ['kinds', 'refused', 'variants'] });
  const { agent: own, actors } = await agent.status();
  assert.equal(own.state, 'ready');
  const [kinds, refused, variants] = ['kinds', 'refused', 'variants'].map(
    (name) => actors.find((actor) => actor.name === name)!,
  );
  assert.deepEqual([kinds?.state, refused?.state, variants?.state], ['running', 'running', 'running']);
  const missing = kinds?.missing_programs?.find(({ program }) => program === 'missing');
  assert.equal(missing?.section, 'tp_btf/no_such_tracepoint');
  assert.match(missing?.reason ?? '', /^expected tracepoint no_such_tracepoint/);
  assert.deepEqual(refused?.missing_programs?.map(({ program }) => program).sort(), [
    'also_renamed___careless',
    'careless',
  ]);
  assert.deepEqual(variants?.chosen_variants, [
    { purpose: 'attached', program: 'attached___third', section: 'raw_tp/task_rename' },
    { purpose: 'loaded', program: 'loaded___second', section: 'tp_btf/task_rename' },
  ]);
  const reasons = new Map(variants?.missing_programs?.map(({ program, reason }) => [program, reason]));
  assert.match(reasons.get('attached___first') ?? '', /found ENOENT/);
  assert.match(reasons.get('loaded___first') ?? '', /found EINVAL/);
});
