/** Collectors to test with: real files in a directory of their own, as a user would install them. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Catalog } from '../../src/catalog/catalog.ts';
import { loadCatalog } from '../../src/catalog/load-catalog.ts';
import type { ObjectManifest } from '../../src/schema/manifest.ts';

export const FIXTURES: string = new URL('../../../test/fixtures/config/', import.meta.url).pathname;
/** A module outside of the project does not find the SDK by name. */
const SDK = JSON.stringify(new URL('../../src/sdk/index.js', import.meta.url).href);

export interface TemporaryDirectory extends Disposable {
  readonly path: string;
}

/** A directory with these files (name -> content), gone when disposed. */
export function directoryWith(files: Readonly<Record<string, string>>): TemporaryDirectory {
  const path = mkdtempSync(join(tmpdir(), 'huatuo-config-'));
  for (const [name, content] of Object.entries(files)) writeFileSync(join(path, name), content);
  return { path, [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }) };
}

export function manifest(collector: string, changes: Partial<ObjectManifest> = {}): ObjectManifest {
  return {
    collector,
    doc: 'A packet waited long in the receive path',
    event: {
      struct: 'event',
      bytes: 8,
      tracer: collector,
      severity: 'warning',
      schemaVersion: 1,
      doc: 'A packet waited long in the receive path',
      fields: [{ name: 'time', json: 'time', format: 'ktime_ns', offset: 0, bytes: 8, doc: 'When' }],
      hash: '0'.repeat(64),
    },
    options: [
      option('threshold_ns', 'threshold', 'dur_ns', 8, 10_000_000, 'Waits at least this long become events'),
      option('sample_bytes', 'sample', 'bytes', 4, 65_536, 'Bytes of a packet that are looked at'),
      option('max_events', 'max_events', 'count', 4, 100, 'Events for each second'),
      option('loopback', 'loopback', 'bool', 1, 0, 'Whether loopback counts'),
    ],
    maps: [],
    attachPoints: [{ program: 'received', section: 'tp_btf/netif_receive_skb', optional: false }],
    ...changes,
  };
}

function option(
  name: string,
  key: string,
  format: ObjectManifest['options'][number]['format'],
  bytes: number,
  defaultValue: number,
  doc: string,
): ObjectManifest['options'][number] {
  return { name, key, format, offset: 0, bytes, defaultValue, doc };
}

/** The three files of a BPF collector. */
export function bpfFiles(name: string, changes: Partial<ObjectManifest> = {}): Record<string, string> {
  return {
    [`${name}.bpf.o`]: '',
    [`${name}.json`]: JSON.stringify(manifest(name, changes)),
    [`${name}.wasm`]: '',
  };
}

/** The module of an autotracing collector `name.js`, with what `body` adds to it. */
export function moduleFile(name: string, body = 'async start() {},'): Record<string, string> {
  return {
    [`${name}.js`]: `
      import { choice, count, duration, number } from ${SDK};
      export default { kind: 'autotracing', doc: 'Captures stacks when the host is busy', ${body} };`,
  };
}

const BUSY = `
  enabledByDefault: false,
  interval: 30,
  options: {
    ratio: number(0.9, 'Share of CPU time that counts as busy', { min: 0, max: 1 }),
    mode: choice(['host', 'container'], 'host', 'What is watched'),
  },
  async start() {},`;

/** `net_rx_latency` (BPF alone, alias netrecvlat) and `busy` (a module, off by default); no files are left behind. */
export async function testCatalog(): Promise<Catalog> {
  using directory = directoryWith({ ...bpfFiles('net_rx_latency'), ...moduleFile('busy', BUSY) });
  return await loadCatalog({ builtinRoot: '/nonexistent', extraDirectories: [directory.path] });
}
