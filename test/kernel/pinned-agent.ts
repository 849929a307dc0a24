/**
 * One life of an agent, as far as pinning goes: loads and attaches the flood collector with pins, does what it is told, and
 * ends without cleaning up. Run by pins.test.ts as a process of its own, so that only pins outlive it.
 *
 *   pinned-agent.js <pin directory> <directory of the built flood> <keep_every_count> <task>
 *
 *   leave      ends at once
 *   read       reads the ring to its end, commits
 *   kill N     SIGKILL at the Nth pin
 *   detach     detaches, as a collector that is done
 *   release    lets go of the handles, as a supervisor does at a graceful stop
 *   restarts N adopts N times from the handles, as restarted workers do
 */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ObjectManifest } from '../../src/build/manifest.ts';
import { HuatuoError } from '../../src/error.ts';
import { Decoder } from '../../src/kernel/decoder.ts';
import { Handles } from '../../src/kernel/handles.ts';
import { CommitLog, readCommit, readKernelCounts } from '../../src/kernel/ledger.ts';
import { libbpf } from '../../src/kernel/libbpf.ts';
import { PAGE_BYTES, wallOffset_ns } from '../../src/kernel/libc.ts';
import { KernelObject, type LoadRequest } from '../../src/kernel/object.ts';
import { MappedRing, ringInfo } from '../../src/kernel/ring.ts';
import { RingPositions } from '../../src/kernel/ring-positions.ts';
import type { Log } from '../../src/sdk/context.ts';

/** What this process prints, as one line of JSON. */
export interface PinnedAgentReport {
  readonly log: readonly { readonly message: string; readonly detail: Record<string, unknown> }[];
  readonly ringId: number;
  readonly sequences: readonly number[];
  readonly ledger: Readonly<Record<string, string>>;
  readonly openFiles: { readonly before: number; readonly after: number };
}

const [, , directory = '', built = '', keepEvery = '1', task = 'leave', argument = '0'] = process.argv;
const entries: { message: string; detail: Record<string, unknown> }[] = [];
const write = (message: string, detail?: object): void => {
  const { error, ...rest } = { ...detail } as { error?: HuatuoError };
  const detailWithError = { ...rest, ...(error && { error: HuatuoError.toWire(error).message }) };
  entries.push({ message, detail: detailWithError });
};
const log: Log = { debug: write, info: write, warn: write, error: write };

const manifest = JSON.parse(readFileSync(join(built, 'flood.json'), 'utf8')) as ObjectManifest;
const request: LoadRequest = {
  manifest,
  bytes: readFileSync(join(built, 'flood.bpf.o')),
  // Only the test itself may ask for events.
  options: { keep_every_count: BigInt(keepEvery), process: BigInt(process.ppid) },
  pin: { directory, log },
};
const shared = Handles.allocate();

function openFiles(): number {
  return readdirSync('/proc/self/fd').length;
}

function killAtPin(count: number): void {
  const api = libbpf();
  const pin = api.bpf_obj_pin;
  let left = count;
  api.bpf_obj_pin = (fd, path) => {
    left -= 1;
    if (left === 0) process.kill(process.pid, 'SIGKILL');
    return pin(fd, path);
  };
}

function fdOf(object: KernelObject, name: string): number {
  const fd = object.mapFd(name);
  assert.ok(fd !== undefined && fd > 0, `no fd of ${name}`);
  return fd;
}

function readAll(object: KernelObject): number[] {
  assert.ok(manifest.event);
  const ringFd = fdOf(object, 'events');
  const decoder = Decoder.create({
    wasm: readFileSync(join(built, 'flood.wasm')),
    layout: manifest.event,
    ringBytes: ringInfo(ringFd).ringBytes,
    pageBytes: PAGE_BYTES,
    outputBytes: 1 << 20,
    envelope: { idPrefix: 'test-', hostname: 'test', region: '' },
  });
  using _ring = new MappedRing(ringFd, decoder);
  const commits = new CommitLog(fdOf(object, 'ledger_commits'), decoder.consumerPosition, (position) =>
    decoder.commit(position),
  );
  decoder.readPosition = commits.current.position;
  const sequences: number[] = [];
  for (;;) {
    decoder.beginBatch(new Date().toISOString(), wallOffset_ns());
    const start = decoder.readPosition;
    const { documents, malformed, position } = decoder.decode();
    if (position === start) return sequences;
    for (const line of Buffer.from(decoder.output()).toString().trimEnd().split('\n')) {
      const { tracer_data } = JSON.parse(line) as { tracer_data: { sequence_count: number } };
      sequences.push(tracer_data.sequence_count);
    }
    commits.commit(position, documents, malformed);
  }
}

function ledgerOf(object: KernelObject): Record<string, string> {
  using positions = new RingPositions(fdOf(object, 'events'));
  const kernel = readKernelCounts(fdOf(object, 'ledger'));
  const commit = readCommit(fdOf(object, 'ledger_commits'), positions.consumer);
  assert.ok(commit);
  const counts = { ...kernel, journalled: commit.journalled };
  return Object.fromEntries(Object.entries(counts).map(([name, count]) => [name, count.toString()]));
}

if (task === 'kill') killAtPin(Number(argument));
const handles = new Handles(shared);
const object = KernelObject.load(handles, request);
object.attach();
const before = openFiles();
for (let restart = 0; task === 'restarts' && restart < Number(argument); restart++) {
  KernelObject.load(new Handles(shared), request).attach();
}
const sequences = task === 'read' ? readAll(object) : [];
const report: PinnedAgentReport = {
  log: entries,
  ringId: ringInfo(fdOf(object, 'events')).mapId,
  sequences,
  ledger: ledgerOf(object),
  openFiles: { before, after: openFiles() },
};
if (task === 'detach') object.detach();
if (task === 'release') handles.close(libbpf());
process.stdout.write(`${JSON.stringify(report)}\n`, () => process.kill(process.pid, 'SIGKILL'));
