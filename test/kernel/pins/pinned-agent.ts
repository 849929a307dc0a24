/**
 * One life of an agent, as far as pinning goes: loads and attaches the flood collector with pins, does what it is told, and
 * ends without cleaning up. Run by pins.kernel.test.ts as a process of its own, so that only pins outlive it.
 *
 *   pinned-agent.js <pin directory> <directory of the built flood> <keep_every_count> <task>
 *
 *   leave      ends at once
 *   read       reads the ring to its end, commits
 *   kill N     SIGKILL at the Nth pin
 *   detach     detaches, as a collector that is done
 *   release    lets go of the object, as a supervisor does at a graceful stop
 *   restarts N asks for object and ring N times more, as restarted workers do
 */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { SharedRing } from '../../../src/actor/kernel-calls.ts';
import { RingLedger } from '../../../src/agent/ring-ledger.ts';
import { Decoder, decoderNeeds } from '../../../src/decoder/decoder.ts';
import { CommitLog } from '../../../src/decoder/ledger.ts';
import { HuatuoError } from '../../../src/error.ts';
import { libbpf } from '../../../src/kernel/libbpf.ts';
import type { KernelObject } from '../../../src/kernel/object.ts';
import { KernelOwner } from '../../../src/kernel/object-owner.ts';
import type { ObjectManifest } from '../../../src/schema/manifest.ts';
import type { Log } from '../../../src/sdk/context.ts';
import { HOST_PATHS } from '../../support/kernel.ts';

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
assert.ok(manifest.event);
const layout = manifest.event;
const owner = new KernelOwner({
  manifest,
  objectPath: join(built, 'flood.bpf.o'),
  wasmPath: join(built, 'flood.wasm'),
  // Only the test itself may ask for events.
  options: { keep_every_count: BigInt(keepEvery), process: BigInt(process.ppid) },
  pin: { directory, log },
  paths: HOST_PATHS,
});
const kernel = owner.calls;

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

function readAll(sharedMemory: SharedRing): number[] {
  const decoder = Decoder.create({
    wasm: sharedMemory.module,
    layout,
    sharedMemory,
    envelope: { idPrefix: 'test-', hostname: 'test', region: '' },
  });
  const commits = new CommitLog(decoder.commits, decoder.consumerPosition, (position) =>
    decoder.commit(position),
  );
  decoder.readPosition = commits.current.position;
  const sequences: number[] = [];
  for (;;) {
    decoder.beginBatch('', 0n);
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

function ledgerOf(object: KernelObject | undefined): Record<string, string> {
  using ledger = object && RingLedger.open('flood', object);
  const status = ledger?.read();
  assert.ok(status);
  const { produced, dropped_ring_full, rate_limited, journalled } = status;
  return { produced, dropped_ring_full, rate_limited, journalled };
}

/** What each life of a worker asks for. */
async function startWorker(): Promise<SharedRing> {
  await kernel.load();
  await kernel.attach();
  return kernel.shareRing(decoderNeeds(layout, 1 << 20));
}

if (task === 'kill') killAtPin(Number(argument));
const ring = await startWorker();
const before = openFiles();
for (let restart = 0; task === 'restarts' && restart < Number(argument); restart++) await startWorker();
const sequences = task === 'read' ? readAll(ring) : [];
const report: PinnedAgentReport = {
  log: entries,
  ringId: ring.mapId,
  sequences,
  ledger: ledgerOf(owner.object),
  openFiles: { before, after: openFiles() },
};
if (task === 'detach') await kernel.detach();
if (task === 'release') await owner.release();
process.stdout.write(`${JSON.stringify(report)}\n`, () => process.kill(process.pid, 'SIGKILL'));
