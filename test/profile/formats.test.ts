/** What profiles are written to: each file is read back by something else than what has written it. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { gunzipSync } from 'node:zlib';
import { Profile as Pprof } from 'pprof-format';
import { z } from 'zod';
import { flameSvg } from '../../src/profile/flame-svg.ts';
import { foldedText } from '../../src/profile/folded.ts';
import { formatOf } from '../../src/profile/formats.ts';
import { pprofFile } from '../../src/profile/pprof.ts';
import { speedscopeFile } from '../../src/profile/speedscope.ts';
import { goPprofTop, skipWithoutGo } from '../support/go-pprof.ts';
import { HOSTILE, profileOf, stackOf } from './profiles.ts';

const SHOP = profileOf([
  stackOf('shop;main;serve;parse', 60),
  stackOf('shop;main;serve;write;vfs_write_[k]', 30),
  stackOf('shop;main;[unknown] libz.so', 9),
  stackOf('kworker/0:1;worker_thread_[k]', 1),
]);

test('folded: a line for each stack, the process first, the kernel marked; equal stacks are one line', () => {
  const twice = profileOf([...SHOP.stacks, stackOf('shop;main;serve;parse', 1)]);
  assert.equal(
    foldedText(twice),
    'kworker/0:1;worker_thread_[k] 1\n' +
      'shop;main;[unknown] libz.so 9\n' +
      'shop;main;serve;parse 61\n' +
      'shop;main;serve;write;vfs_write_[k] 30\n',
  );
});

test('folded: waits are microseconds and say what for; a name cannot end its frame or its line', () => {
  const waits = profileOf([stackOf('a;read;b\nc_[k]', 2, 'io_wait')], { kind: 'off_cpu' });
  assert.equal(foldedText(waits), 'a;read;b:c_[k];[io_wait] 20000\n');
});

test('SVG: well-formed whatever names are, nothing is fetched and nothing runs', (context) => {
  const svg = flameSvg(profileOf([...SHOP.stacks, stackOf(`${HOSTILE};main;${HOSTILE}`, 50)]));
  assert.doesNotMatch(svg, /<script|<img|<image|href|url\(|\bon\w+="/);
  assert.match(svg, /<title>parse \(600 ms, 40\.00 %\)<\/title>/);
  const checked = spawnSync('python3', ['-c', 'import sys, xml.dom.minidom as m; m.parse(sys.stdin)'], {
    input: svg,
  });
  if (checked.error) context.diagnostic('not read by another program: no python3');
  else assert.equal(checked.status, 0, checked.stderr.toString());
});

test('SVG: widths are shares of the whole, callees below their caller; an empty profile is a picture, too', () => {
  const svg = flameSvg(SHOP);
  const cells = [...svg.matchAll(/<title>([^ ]+) \(.*?<rect x="([\d.]+)" y="(\d+)" width="([\d.]+)"/g)].map(
    ([, name, x, y, width]) => ({ name, x: Number(x), y: Number(y), width: Number(width) }),
  );
  const at = (name: string) => cells.find((cell) => cell.name === name)!;
  assert.ok(Math.abs(at('parse').width / at('all').width - 0.6) < 0.001);
  assert.ok(at('serve').y < at('parse').y && at('serve').x === at('parse').x);
  assert.match(flameSvg(profileOf([])), /<\/svg>\n$/);
});

test('pprof: the same stacks, innermost first, with labels', () => {
  const read = Pprof.decode(gunzipSync(pprofFile(SHOP)));
  const { strings } = read.stringTable;
  const nameOf = (id: number | bigint): string => {
    const location = read.location.find((one) => BigInt(one.id) === BigInt(id));
    const function_ = read.function.find(
      (one) => BigInt(one.id) === BigInt(location?.line[0]?.functionId ?? 0),
    );
    return strings[Number(function_?.name)] ?? '';
  };
  assert.deepEqual(
    read.sample.map(({ locationId, value }) => [locationId.map(nameOf).join(' < '), ...value.map(Number)]),
    [
      ['parse < serve < main', 60, 600_000_000],
      ['vfs_write < write < serve < main', 30, 300_000_000],
      ['[unknown] libz.so < main', 9, 90_000_000],
      ['worker_thread', 1, 10_000_000],
    ],
  );
  const labels = read.sample[0]!.label.map(({ key, str, num }) => [
    strings[Number(key)],
    strings[Number(str)] || Number(num),
  ]);
  assert.deepEqual(labels, [
    ['comm', 'shop'],
    ['pid', 7],
    ['state', 'on_cpu'],
  ]);
  assert.deepEqual([BigInt(read.timeNanos), Number(read.durationNanos)], [SHOP.started_unix_ns, 10e9]);
});

test('pprof: another reader has the same functions with the same values, and the same total', {
  skip: skipWithoutGo(),
}, () => {
  assert.deepEqual(goPprofTop(SHOP, 'ms'), {
    total: '1000ms',
    functions: [
      ['parse', '600ms'],
      ['vfs_write', '300ms'],
      ['[unknown] libz.so', '90ms'],
      ['worker_thread', '10ms'],
      ['main', '0'],
      ['serve', '0'],
      ['write', '0'],
    ],
  });
});

/** https://github.com/jlfwong/speedscope/blob/main/src/lib/file-format-spec.ts, of which the published schema is made. */
const SPEEDSCOPE = z.strictObject({
  $schema: z.literal('https://www.speedscope.app/file-format-schema.json'),
  exporter: z.string().optional(),
  name: z.string().optional(),
  activeProfileIndex: z.number().optional(),
  shared: z.strictObject({
    frames: z.array(
      z.strictObject({
        name: z.string(),
        file: z.string().optional(),
        line: z.number().optional(),
        col: z.number().optional(),
      }),
    ),
  }),
  profiles: z.array(
    z.strictObject({
      type: z.literal('sampled'),
      name: z.string(),
      unit: z.enum(['none', 'nanoseconds', 'microseconds', 'milliseconds', 'seconds', 'bytes']),
      startValue: z.number(),
      endValue: z.number(),
      samples: z.array(z.array(z.int())),
      weights: z.array(z.number()),
    }),
  ),
});

test('speedscope: samples refer to frames that are there, and add up', () => {
  const file = SPEEDSCOPE.parse(JSON.parse(speedscopeFile(SHOP)));
  const [{ samples, weights, endValue } = assert.fail()] = file.profiles;
  assert.deepEqual(
    samples.map((stack) => stack.map((index) => file.shared.frames[index]?.name).join(';')),
    SHOP.stacks.map(({ comm, frames }) => [comm, ...frames.map(({ name }) => name)].join(';')),
  );
  assert.equal(
    weights.reduce((sum, weight) => sum + weight, 0),
    endValue,
  );
  assert.equal(
    new Set(file.shared.frames.map(({ name, file = '' }) => `${file} ${name}`)).size,
    file.shared.frames.length,
  );
});

test('the end of a name says what is written; another end is none', () => {
  for (const file of ['a.svg', 'a.html', 'a.pprof', 'a.pb.gz', 'a.folded', 'a.speedscope.json'])
    assert.ok(formatOf(file), file);
  for (const file of ['a.json', 'svg', 'a.png', '']) assert.equal(formatOf(file), undefined, file);
});
