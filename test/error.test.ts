import assert from 'node:assert/strict';
import test from 'node:test';
import { HuatuoError } from '../src/error.ts';

const detail = { expected: 'a', found: 'b', remedy: 'do c' };

test('an error crosses a thread with code, sentence, remedy and its chain of causes', () => {
  const root = Object.assign(new Error('EADDRINUSE'), { code: 'EADDRINUSE' });
  const error = new HuatuoError('PORT_IN_USE', { ...detail, cause: new Error('listen', { cause: root }) });
  const wire = structuredClone(HuatuoError.toWire(error));
  assert.deepEqual(
    [wire.code, wire.message, wire.remedy],
    ['PORT_IN_USE', 'expected a, found b; do c', 'do c'],
  );
  assert.match(wire.cause?.message ?? '', /^listen/);
  assert.deepEqual([wire.cause?.code, wire.cause?.remedy], [undefined, undefined]);
  assert.deepEqual([wire.cause?.cause?.message, wire.cause?.cause?.code], ['EADDRINUSE', 'EADDRINUSE']);
  assert.equal(wire.cause?.cause?.cause, undefined, 'the chain ends where it ended');

  const revived = HuatuoError.fromWire(wire);
  assert.equal(revived.message, error.message);
  assert.equal(revived.stack, error.stack);
  const { cause: listening } = revived;
  assert.ok(listening instanceof Error && !(listening instanceof HuatuoError));
  assert.equal((listening.cause as NodeJS.ErrnoException).code, 'EADDRINUSE');
  const outer = new HuatuoError('JOURNAL_FAILED', { ...detail, cause: revived });
  const again = HuatuoError.fromWire(HuatuoError.toWire(outer)).cause;
  assert.ok(again instanceof HuatuoError && again.code === 'PORT_IN_USE' && again.remedy === 'do c');
});

test('what the host lacks is no fault of a collector: it has the remedy, and keeps its errno', () => {
  const full = Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC' });
  for (const error of [
    HuatuoError.from(full, 'COLLECTOR_FAILED', 'see its stack'),
    HuatuoError.fromWire(HuatuoError.toWire(full)),
  ])
    assert.deepEqual(
      [error.code, error.message],
      ['SYSCALL_FAILED', `${full.message}; free space on that file system`],
    );
});

test('a limit of open files is told with what raises it, whoever meets it', () => {
  const remedy = /; raise the limit of open files of the agent: ulimit -n, or LimitNOFILE= of its service$/;
  for (const found of [
    'EMFILE',
    "EMFILE: too many open files, open '/proc/stat'",
    'Worker initialization failure: EMFILE',
    'Cannot read package config /srv/package.json: too many open files.',
  ])
    assert.match(new HuatuoError('SYSCALL_FAILED', { ...detail, found }).message, remedy);
  assert.match(
    HuatuoError.from(new Error('ENFILE: file table overflow'), 'USAGE', '-').remedy,
    /fs\.file-max/,
  );
  assert.equal(new HuatuoError('USAGE', { ...detail, found: 'x EMFILE y' }).remedy, 'do c');
});

test('a plain error keeps its own stack and gets a code', () => {
  const thrown = new TypeError('x is not a function');
  const wire = HuatuoError.toWire(thrown);
  assert.equal(wire.code, 'COLLECTOR_FAILED');
  assert.equal(wire.stack, thrown.stack);
  assert.equal(wire.cause, undefined);
});

test('what is no error at all, and a cycle of causes, still cross', () => {
  assert.match(HuatuoError.toWire('text').message, /^text;/);
  const cycle = new Error('round');
  cycle.cause = cycle;
  assert.ok(JSON.stringify(HuatuoError.toWire(cycle)).length < 10_000);
});

test('only what the host or the build would have to change is permanent', () => {
  assert.equal(new HuatuoError('BTF_MISSING', detail).permanent, true);
  assert.equal(new HuatuoError('WORKER_HUNG', detail).permanent, false);
});
