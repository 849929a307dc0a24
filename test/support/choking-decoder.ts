/**
 * The flood fixture's decoder with a fault in its WebAssembly: it chokes on an event of a task named `trap` or `loop`, in
 * the middle of `decode()`, in the thread of the collector, with half a line written.
 *
 * The generated AssemblyScript gets one more call at the head of `write()` and is compiled as the build does it; nothing in
 * JavaScript takes part. A decoder that choked on its event for good would choke in every worker to come, which is another
 * story (a collector that fails again and again): here each request for such events is choked on once. What has been choked on must
 * outlive the instance, so the mark is where the ring is, in the consumer page. The kernel reads the first word of that
 * page and no other (kernel/bpf/ringbuf.c, struct bpf_ringbuf).
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { decoderSource } from '../../src/build/decoder-source.ts';
import type { EventLayout, ObjectManifest } from '../../src/schema/manifest.ts';
import { decoderBytes } from './decoder-module.ts';
import { builtCollectors } from './flood.ts';
import { rename } from './rename.ts';

/** Name of the task; what the decoder does about it. */
type Choke = 'trap' | 'loop';

const HEAD = '    const r = changetype<usize>(this);\n';

let built: Promise<Uint8Array> | undefined;

/** @returns the bytes of a `flood.wasm`; compiled once in a process */
export function chokingDecoder(): Promise<Uint8Array> {
  built ??= builtCollectors('collectors').then((directory) => {
    const { event } = JSON.parse(readFileSync(join(directory, 'flood.json'), 'utf8')) as ObjectManifest;
    if (!event) throw new Error('the flood fixture has no event');
    const source = decoderSource('flood', event).replace(HEAD, `${HEAD}    choke(r);\n`);
    return decoderBytes(source + chokeSource(event));
  });
  return built;
}

/** As many, because all but one may be sampled out. */
export const CHOKE_EVENTS = 8;

/** Has the kernel make CHOKE_EVENTS; the decoder chokes when it gets to the first of them. */
export function choke(how: Choke): void {
  rename(how, `flood:${CHOKE_EVENTS}`);
}

function chokeSource({ fields }: EventLayout): string {
  const offset = (name: string): number => fields.find((field) => field.name === name)!.offset;
  return `
import { CONSUMER_PTR } from '../memory';

function choke(r: usize): void {
  const name = load<u64>(r, ${offset('comm')});
  const trap = name == ${asWord('trap')};
  if (!trap && name != ${asWord('loop')}) return;
  // Numbers rise, and a successor starts over at what was not committed: it passes all that its predecessors have seen.
  const mark: usize = load<u32>(CONSUMER_PTR) + 8;
  const sequence = load<u64>(r, ${offset('sequence_count')});
  if (sequence < load<u64>(mark)) return;
  // The fixture puts an event's index within its request here.
  const next = sequence - load<u64>(r, ${offset('delay_ns')}) + ${CHOKE_EVENTS};
  store<u64>(mark, next);
  if (trap) unreachable();
  // A store in it keeps the optimiser from taking the loop away.
  while (true) store<u64>(mark, next);
}
`;
}

/** A name of up to eight characters, as the first word of a comm. */
function asWord(name: string): string {
  return `0x${Buffer.from(name.padEnd(8, '\0')).reverse().toString('hex')}`;
}
