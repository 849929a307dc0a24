/** Which programs of an object run, on kernels of all kinds. */
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { lacksOf } from '../../src/kernel/features.ts';
import { ProgramChoice } from '../../src/kernel/programs.ts';
import type { AttachPoint } from '../../src/schema/manifest.ts';

function point(program: string, section: string): AttachPoint {
  return { program, section: section.replace('?', ''), optional: section.startsWith('?') };
}

/** A kernel that has these sections' targets only. */
function choice(points: readonly AttachPoint[], ...has: string[]): ProgramChoice {
  return new ProgramChoice(points, (section) =>
    has.includes(section) ? undefined : { expected: section, found: 'none' },
  );
}

const names = ({ chosen }: ProgramChoice): string[] => chosen.map(({ program }) => program);
const states = ({ status }: ProgramChoice): string[] => status.map(({ state }) => state);

test('a required program that is missing costs the object, an optional one only itself', () => {
  const points = [point('entered', 'tp_btf/a'), point('left', '?tp_btf/b')];
  const without = choice(points, 'tp_btf/a');
  assert.equal(without.error, undefined);
  assert.deepEqual(names(without), ['entered']);
  assert.deepEqual(without.status[1], {
    program: 'left',
    section: 'tp_btf/b',
    state: 'missing',
    reason: 'expected tp_btf/b, found none',
  });
  assert.equal(choice(points, 'tp_btf/b').error?.code, 'TRACEPOINT_MISSING');
});

test('of the variants of a purpose the first that is there runs', () => {
  const points = [
    point('issued___tracepoint', 'tp_btf/a'),
    point('issued___entry', 'fentry/a'),
    point('issued___probe', 'kprobe/a'),
    point('completed', 'tp_btf/b'),
  ];
  const all = choice(points, 'tp_btf/a', 'fentry/a', 'kprobe/a', 'tp_btf/b');
  assert.deepEqual(states(all), ['runs', 'spare', 'spare', 'runs']);
  assert.equal(all.status[2]?.reason, 'tp_btf/a is there');
  assert.deepEqual(states(choice(points, 'fentry/a', 'kprobe/a', 'tp_btf/b')), [
    'missing',
    'runs',
    'spare',
    'runs',
  ]);
  const none = choice(points, 'tp_btf/b').error;
  for (const { program, section } of points.slice(0, 3))
    assert.ok(none?.message.includes(`${program} (${section}): expected ${section}, found none`));
  assert.match(none?.remedy ?? '', /tp_btf\/a or fentry\/a or kprobe\/a/);
});

test('variants that are all optional may all be missing', () => {
  const points = [
    point('seen___new', '?tp_btf/a'),
    point('seen___old', '?tp_btf/b'),
    point('left', 'tp_btf/c'),
  ];
  const none = choice(points, 'tp_btf/c');
  assert.equal(none.error, undefined);
  assert.deepEqual(names(none), ['left']);
});

test('an object of which no program is left says all that it could have used', () => {
  const none = choice([point('seen', '?tp_btf/a'), point('left', '?tp_btf/b')]);
  assert.equal(none.error?.code, 'TRACEPOINT_MISSING');
  assert.match(none.error?.message ?? '', /tp_btf\/a, or tp_btf\/b/);
});

test('what the kernel refuses is dropped, and the next variant takes its place', () => {
  const points = [point('seen___new', 'tp_btf/a'), point('seen___old', 'tp_btf/b')];
  const both = choice(points, 'tp_btf/a', 'tp_btf/b');
  const [first] = both.chosen;
  assert.ok(first && both.canDrop(first));
  both.drop(first, { expected: 'the kernel to load it', found: 'EINVAL' });
  const [second] = both.chosen;
  assert.equal(second?.program, 'seen___old');
  assert.equal(second && both.canDrop(second), false, 'there is no other one');
  assert.deepEqual(
    both.status.map(({ purpose, state }) => [purpose, state]),
    [
      ['seen', 'missing'],
      ['seen', 'runs'],
    ],
  );
});

test('the kernel is asked by its types and its devices', (t) => {
  const sysfs = mkdtempSync(join(tmpdir(), 'huatuo-'));
  t.after(() => rmSync(sysfs, { recursive: true }));
  mkdirSync(join(sysfs, 'kernel/btf'), { recursive: true });
  // Between header and names, types, whose bytes are no names.
  const types = Buffer.from('\0btf_trace_sched\0');
  const names = Buffer.from('\0btf_trace_sched_switch\0do_exit\0bpf_iter__task\0');
  const header = Uint32Array.of(0x1eb9f, 24, 0, types.length, types.length, names.length);
  writeFileSync(join(sysfs, 'kernel/btf/vmlinux'), Buffer.concat([Buffer.from(header.buffer), types, names]));
  const paths = { procfs: '/proc', sysfs };
  const lacking = (...sections: string[]): string[] => {
    const lacks = lacksOf(paths);
    return sections.flatMap((section) => lacks(section)?.expected ?? []);
  };
  const there = ['tp_btf/sched_switch', 'raw_tp/sched_switch', 'tp/sched/sched_switch', 'fentry/do_exit'];
  assert.deepEqual(lacking(...there, 'iter/task', 'perf_event', 'tp/syscalls/sys_enter_read'), []);
  assert.deepEqual(lacking('tp_btf/sched', 'fexit/exit', 'kprobe/do_exit', 'iter/cgroup'), [
    'tracepoint sched',
    'the kernel function exit',
    'kprobes, for do_exit',
    'an iterator over cgroup',
  ]);
  mkdirSync(join(sysfs, 'bus/event_source/devices/kprobe'), { recursive: true });
  assert.deepEqual(lacking('kprobe/do_exit', 'kretprobe/do_exit', 'kprobe/exit'), [
    'the kernel function exit',
  ]);
});
