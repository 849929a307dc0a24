/**
 * A profile as pprof reads it (gzipped protocol buffers; https://github.com/google/pprof/blob/main/proto/profile.proto). Processes
 * and states are labels: `-tagroot=comm` puts them above the functions.
 */
import { gzipSync } from 'node:zlib';
import {
  Label,
  Line,
  Location,
  Profile as Pprof,
  Function as PprofFunction,
  Sample,
  StringTable,
  ValueType,
} from 'pprof-format';
import type { Profile, ProfileFrame, ProfileKind } from '../sdk/profile.ts';

const VALUES: Readonly<Record<ProfileKind, readonly [counted: string, weighed: string]>> = {
  on_cpu: ['samples', 'cpu'],
  off_cpu: ['waits', 'wait'],
  allocations: ['samples', 'space'],
  block: ['waits', 'wait'],
  page_cache: ['samples', 'space'],
  slab: ['objects', 'space'],
};

/** @returns a gzipped file */
export function pprofFile(profile: Profile): Uint8Array {
  const strings = new StringTable();
  const text = (value: string): number => strings.dedup(value);
  const places = new Places(text);
  const [counted, weighed] = VALUES[profile.kind];
  const sample = profile.stacks.map(
    ({ frames, samples, value, comm, pid, state }) =>
      new Sample({
        // Innermost first.
        locationId: frames.map((frame) => places.locationOf(frame)).reverse(),
        value: [samples, Math.round(value)],
        label: [
          new Label({ key: text('comm'), str: text(comm) }),
          new Label({ key: text('pid'), num: pid }),
          new Label({ key: text('state'), str: text(state) }),
        ],
      }),
  );
  const pprof = new Pprof({
    sampleType: [
      new ValueType({ type: text(counted), unit: text('count') }),
      new ValueType({ type: text(weighed), unit: text(profile.unit) }),
    ],
    sample,
    location: places.locations,
    function: places.functions,
    stringTable: strings,
    timeNanos: profile.started_unix_ns,
    durationNanos: Math.round(profile.seconds * 1e9),
    defaultSampleType: text(weighed),
  });
  return gzipSync(pprof.encode());
}

/** Functions and where they are, numbered from 1. */
class Places {
  readonly locations: Location[] = [];
  readonly functions: PprofFunction[] = [];
  readonly #known = new Map<string, number>();
  readonly #text: (value: string) => number;

  constructor(text: (value: string) => number) {
    this.#text = text;
  }

  locationOf({ name, module, mode }: ProfileFrame): number {
    const key = `${mode}\n${module}\n${name}`;
    const known = this.#known.get(key);
    if (known !== undefined) return known;
    const id = this.locations.length + 1;
    this.functions.push(
      new PprofFunction({
        id,
        name: this.#text(name),
        systemName: this.#text(name),
        filename: this.#text(module),
      }),
    );
    this.locations.push(new Location({ id, line: [new Line({ functionId: id })] }));
    this.#known.set(key, id);
    return id;
  }
}
