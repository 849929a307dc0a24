/** Profiles in captures of an autotracer, as the agent runs it: the capture in its worker, the BPF object in the supervisor. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { test } from 'node:test';
import type { ProfileDocument } from '../../src/sdk/profile-document.ts';
import { CompiledProgram } from '../support/compiled-program.ts';
import { skipWithoutPrograms } from '../support/container-programs.ts';
import { skipWithoutBpf } from '../support/kernel.ts';
import { LoneCollector } from '../support/lone-collector.ts';
import { RunningProgram } from '../support/running-program.ts';

const skip = skipWithoutBpf() || skipWithoutPrograms('cc', 'bpftool');
const PACE = { every: '1s', cooldown: '1h' };

/** Programs of profiles that are in the kernel. */
function loadedPrograms(): string[] {
  const programs = JSON.parse(execFileSync('bpftool', ['-j', 'prog', 'list'], { encoding: 'utf8' })) as {
    readonly name?: string;
  }[];
  return programs.flatMap(({ name = '' }) => (name.startsWith('profile_') ? [name] : []));
}

function profiling(capture: string): string {
  return `defineAutotracing({
    doc: 'Takes a profile.',
    document: { ...PROFILE_FIELDS },
    sample: () => [['host', 1]],
    trigger: ({ newest }) => ({ level: newest.state }),
    capture: ${capture},
  })`;
}

test('a capture takes a profile; the document has its flame graph, and the kernel keeps nothing', {
  skip,
}, async () => {
  using program = new CompiledProgram('profiled', '-O0', '-fno-omit-frame-pointer');
  await using burner = await RunningProgram.start(program.path, 'burn');
  await using lone = await LoneCollector.start(
    profiling(`async (subject, why, { profile }) => ({
      ...why, ...profileDocument(await profile.onCpu({ seconds: 1, pids: [${burner.pid}] })) })`),
    PACE,
  );
  await lone.until('its document', () => lone.documents.length > 0);
  const [document] = lone.documents;
  const { flamedata, profile } = (document?.data ?? {}) as unknown as ProfileDocument;
  assert.deepEqual(
    [flamedata[0]?.label, flamedata[0]?.level, flamedata[0]?.value],
    ['all', 0, profile.samples],
  );
  assert.ok(
    flamedata.some(({ label }) => label === 'hot_function'),
    JSON.stringify(flamedata),
  );
  assert.deepEqual([profile.kind, profile.unit, profile.lost], ['on_cpu', 'samples', 0]);
  await lone.until('its end', () => lone.child.workers.length === 0);
  assert.deepEqual(loadedPrograms(), []);
});

test('a capture that crashes in the middle of a profile leaves nothing in the kernel', { skip }, async () => {
  await using lone = await LoneCollector.start(
    profiling(`async (subject, why, { profile }) => {
      setTimeout(() => { throw new Error('in the middle'); }, 500);
      return { ...why, ...profileDocument(await profile.onCpu({ seconds: 20 })) };
    }`),
    PACE,
  );
  await lone.until('its document', () => lone.documents.length > 0);
  assert.deepEqual(
    lone.documents.map(({ data }) => data),
    [{ level: 1, partial: true }],
  );
  await lone.until('nothing in the kernel', () => loadedPrograms().length === 0);
});
