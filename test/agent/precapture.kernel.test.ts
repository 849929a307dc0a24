/** What ran before a capture, as the agent keeps it: over captures that run, crash and wait, and for a process that has ended. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { ProfileDocument } from '../../src/sdk/profile-document.ts';
import { scratchDirectory } from '../soak/scratch.ts';
import { CompiledProgram } from '../support/compiled-program.ts';
import { skipWithoutPrograms } from '../support/container-programs.ts';
import { eventually } from '../support/eventually.ts';
import { hottestUserFrame } from '../support/flame-rows.ts';
import { skipWithoutBpf } from '../support/kernel.ts';
import { LoneCollector } from '../support/lone-collector.ts';
import { RunningProgram } from '../support/running-program.ts';

const skip = skipWithoutBpf() || skipWithoutPrograms('cc', 'bpftool');

function loadedPrograms(): string[] {
  const programs = JSON.parse(execFileSync('bpftool', ['-j', 'prog', 'list'], { encoding: 'utf8' })) as {
    readonly name?: string;
  }[];
  return programs.flatMap(({ name = '' }) => (name.startsWith('profile_rolled') ? [name] : []));
}

interface Found extends ProfileDocument {
  readonly part: number;
  readonly after_seconds?: number;
}

/** Its first capture ends its thread; the others, more than run at a time, take profiles. */
const DECLARATION = (go: string): string => `defineAutotracing({
  doc: 'Looks back.',
  options: { ...PRECAPTURE },
  document: { ...PROFILE_FIELDS, after_seconds: decimal('Since the trigger') },
  sample() {
    const there = process.getBuiltinModule('node:fs').existsSync(${JSON.stringify(go)});
    return there ? [0, 1, 2, 3, 4, 5].map((part) => ['part ' + part, part]) : [];
  },
  trigger: ({ newest }) => ({ part: newest.state }),
  async capture(subject, why, { profile }) {
    if (why.part === 0) process.exit(3);
    const { before, after } = await profile.around({ seconds: 2 });
    // The host runs much else, and a document leaves out what is little of it.
    const stacks = before.stacks.filter(({ comm }) => comm === 'profiled');
    return { ...why, after_seconds: after.seconds, ...profileDocument({ before: { ...before, stacks } }) };
  },
})`;

test('captures at once, one after another and after one that crashed see the same burst that was over before them', {
  skip,
}, async () => {
  using scratch = scratchDirectory();
  const go = join(scratch.path, 'go');
  using program = new CompiledProgram('profiled', '-O0', '-fno-omit-frame-pointer');
  const lone = await LoneCollector.start(DECLARATION(go), { every: '1s', cooldown: '1h', pre_capture: true });
  try {
    await lone.until('it to sample', () => loadedPrograms().length > 0);
    {
      await using burner = await RunningProgram.start(program.path, 'burn');
      const ticks = (): number => Number(readFileSync(`/proc/${burner.pid}/stat`, 'utf8').split(' ')[13]);
      await eventually('a burst', () => ticks() > 100);
    }
    writeFileSync(go, '');
    await lone.until('its documents', () => lone.documents.length === 6);
    const documents = lone.documents.map(({ data }) => data as unknown as Found);
    assert.deepEqual(
      documents.find(({ part }) => part === 0),
      { part: 0, partial: true },
    );
    for (const { part, flamedata, profile, after_seconds = 0 } of documents.filter((one) => one.part > 0)) {
      assert.equal(hottestUserFrame(flamedata), 'hot_function', `part ${part}: ${JSON.stringify(flamedata)}`);
      assert.ok((flamedata[0]?.value ?? 0) > 50 && (profile.before_samples ?? 0) > 50 && after_seconds > 1);
    }
  } finally {
    await lone[Symbol.asyncDispose]();
  }
  assert.deepEqual(loadedPrograms(), []);
});
