/**
 * Who may know whom. A room is a folder of `src/` (`storage/` has one for each of its folders), or a file that lies in
 * `src/` itself. Imports of types count: what a file names, its reader has to read.
 */
import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { test } from 'node:test';
import { at } from '../src/paths.ts';

interface Import {
  readonly from: string;
  readonly to: string;
}

const IMPORT = /(?:\bfrom|\bimport\(|^import)\s*'([^']+)'/gm;
const SOURCES = globSync('{src,workers}/**/*.ts', { cwd: at('.') });
/** Functions, classes and constants. */
const VALUE = /^export (?:async )?(?:function\*?|(?:abstract )?class|const) (\w+)/gm;
const TYPES = /^(?:im|ex)port type [^;]+;/gm;
const IMPORTS: readonly Import[] = SOURCES.flatMap((from) => importsOf(from, readFileSync(at(from), 'utf8')));
/** Without those of types alone, which a thread does not load. */
const LOADED: readonly Import[] = SOURCES.flatMap((from) =>
  importsOf(from, readFileSync(at(from), 'utf8').replace(TYPES, '')),
);

function importsOf(from: string, text: string): Import[] {
  return [...text.matchAll(IMPORT)].map(([, target = '']) => ({
    from,
    to: target.startsWith('.') ? normalize(join(dirname(from), target)) : target,
  }));
}

function roomOf(file: string): string {
  const [top = '', first = '', second = ''] = file.split('/');
  if (top !== 'src') return top;
  return first === 'storage' ? `storage/${second}` : first;
}

/** @returns the shortest path of imports from a file that ends in a target, as lines to read */
function pathTo(
  start: string,
  isTarget: (file: string) => boolean,
  imports: readonly Import[] = IMPORTS,
): string | undefined {
  const trail = new Map<string, string | undefined>([[start, undefined]]);
  for (const file of trail.keys()) {
    if (file !== start && isTarget(file)) return trailTo(file, trail);
    for (const { from, to } of imports) if (from === file && !trail.has(to)) trail.set(to, file);
  }
  return undefined;
}

function trailTo(end: string, trail: ReadonlyMap<string, string | undefined>): string {
  const steps: string[] = [];
  for (let file: string | undefined = end; file !== undefined; file = trail.get(file)) steps.unshift(file);
  return steps.join('\n  imports ');
}

const show = (imports: readonly Import[]): string[] => imports.map(({ from, to }) => `${from} imports ${to}`);

test('the imports are found', () => {
  assert.ok(IMPORTS.length > 500, `${IMPORTS.length} imports`);
  assert.match(
    pathTo('src/agent/run.ts', (file) => file === 'koffi') ?? '',
    /src\/kernel\/lib\w+\.ts\n {2}imports koffi$/,
  );
});

test('no circle of rooms', () => {
  const rooms = new Map<string, Map<string, Import[]>>();
  for (const one of IMPORTS.filter(({ from, to }) => to.includes('/') && roomOf(from) !== roomOf(to))) {
    const targets = rooms.get(roomOf(one.from)) ?? new Map<string, Import[]>();
    rooms.set(roomOf(one.from), targets.set(roomOf(one.to), [...(targets.get(roomOf(one.to)) ?? []), one]));
  }
  const circles = [...rooms.keys()].flatMap((room) => circleThrough(room, rooms) ?? []);
  const [shortest = []] = [circles.toSorted((a, b) => a.length - b.length)[0]];
  // The rarest import is most likely the wrong one.
  assert.deepEqual(shortest.toSorted((a, b) => a.length - b.length).map(show), []);
});

/** @returns the imports of each step of the shortest circle, in a list so that flatMap keeps it */
function circleThrough(
  start: string,
  rooms: ReadonlyMap<string, ReadonlyMap<string, Import[]>>,
): [Import[][]] | undefined {
  const steps = new Map<string, Import[][]>([[start, []]]);
  for (const [room, taken] of steps) {
    for (const [next, imports] of rooms.get(room) ?? []) {
      if (next === start) return [[...taken, imports]];
      if (!steps.has(next)) steps.set(next, [...taken, imports]);
    }
  }
  return undefined;
}

for (const worker of SOURCES.filter((file) => file.startsWith('workers/'))) {
  test(`${worker} makes no foreign calls: koffi frees nothing of what it makes for a thread`, () => {
    assert.equal(
      pathTo(worker, (file) => file === 'koffi' || file.startsWith('src/kernel/')),
      undefined,
    );
  });
}

test('the agent runs without the build', () => {
  const wrong = IMPORTS.filter(
    ({ from, to }) => to.startsWith('src/build/') && !from.startsWith('src/build/'),
  );
  assert.deepEqual(show(wrong), []);
});

test('sdk is the bottom: it imports itself and the error class', () => {
  const wrong = IMPORTS.filter(
    ({ from, to }) =>
      from.startsWith('src/sdk/') &&
      to.startsWith('src/') &&
      !to.startsWith('src/sdk/') &&
      to !== 'src/error.ts',
  );
  assert.deepEqual(show(wrong), []);
});

for (const start of [
  'src/sdk/index.ts',
  ...['collector', 'capture', 'task', 'describe'].map((name) => `workers/${name}.ts`),
]) {
  test(`${start} knows no zod: schemas are the main thread's`, () => {
    assert.equal(
      pathTo(start, (file) => file === 'zod', LOADED),
      undefined,
    );
  });
}

for (const room of ['procfs', 'netlink', 'decoder', 'schema']) {
  test(`${room} knows no actor`, () => {
    const files = SOURCES.filter((file) => file.startsWith(`src/${room}/`));
    assert.ok(files.length > 0);
    const known = files.map((file) =>
      pathTo(file, (target) => /^src\/(actor|agent|kernel|web)\//.test(target)),
    );
    assert.deepEqual(known.filter(Boolean), []);
  });
}

test('no program is attached to a tracepoint that the kernel passes again while it ends the program', () => {
  const programs = globSync('bpf/**/*.{c,h}', { cwd: at('.') });
  assert.ok(programs.length > 0);
  const attached = programs.filter((file) =>
    /SEC\("[^"]*\/sched_set_need_resched_tp"\)/.test(readFileSync(at(file), 'utf8')),
  );
  assert.deepEqual(attached, [], 'it panics Linux 7.3: see bpf/sched_tick.bpf.c');
});

test('what a file exports, another names', () => {
  const texts = new Map(
    globSync('{src,workers,test,wasm}/**/*.{ts,mjs}', { cwd: at('.') }).map((file) => [
      file,
      new Set(readFileSync(at(file), 'utf8').match(/\w+/g)),
    ]),
  );
  // A binding is there for whoever writes a module to its object.
  const written = SOURCES.filter((file) => roomOf(file) !== 'generated');
  const exported = written.flatMap((file) =>
    [...readFileSync(at(file), 'utf8').matchAll(VALUE)].map(([, name = '']) => ({ file, name })),
  );
  assert.ok(exported.length > 500);
  const alone = exported.filter(
    ({ file, name }) => ![...texts].some(([other, words]) => other !== file && words.has(name)),
  );
  assert.deepEqual(alone, []);
});
