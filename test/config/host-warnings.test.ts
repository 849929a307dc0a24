import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { hostWarnings } from '../../src/config/host-warnings.ts';
import { loadConfig } from '../../src/config/load.ts';
import { directoryWith, testCatalog } from './collectors.ts';

const catalog = await testCatalog();
const name = catalog.entries.find(({ manifest }) => manifest)?.name ?? '';

interface Host {
  readonly enabled?: boolean;
  readonly online?: string;
  readonly addressSpace_bytes?: number;
}

function warnings(
  cpu: object,
  { enabled = true, online = '0-1\n', addressSpace_bytes }: Host = {},
): string[] {
  using directory = directoryWith({ 'c.yaml': JSON.stringify({ collectors: { [name]: { enabled, cpu } } }) });
  const sysfs = join(directory.path, 'sys');
  mkdirSync(join(sysfs, 'devices/system/cpu'), { recursive: true });
  if (online !== '') writeFileSync(join(sysfs, 'devices/system/cpu/online'), online);
  const { config } = loadConfig({ file: join(directory.path, 'c.yaml'), overrides: [], catalog });
  return hostWarnings({ ...config, path: { ...config.path, sysfs } }, addressSpace_bytes);
}

test('CPUs and quotas that this host does not have are named', () => {
  assert.deepEqual(warnings({ affinity: [1, 99], quota: '900%' }), [
    `collectors.${name}.cpu.affinity names CPU 99; this host has 0-1`,
    `collectors.${name}.cpu.quota is 9 CPUs; this host has 2`,
  ]);
});

test('what the host has, what is off, and what cannot be known is not warned of', () => {
  assert.deepEqual(warnings({ affinity: [0, 1], quota: '200%' }), []);
  assert.deepEqual(warnings({ affinity: [3, 8] }, { online: '0,2-3,8' }), []);
  assert.deepEqual(warnings({ affinity: [99] }, { enabled: false }), []);
  assert.deepEqual(warnings({ affinity: [99] }, { online: '' }), []);
});

test('a limit of address space is warned of, with what bounds memory in its place', () => {
  const [warning = ''] = warnings({}, { addressSpace_bytes: 3_000_000_000 });
  assert.match(
    warning,
    /^address space is limited to 3000000000 bytes \(ulimit -v, LimitAS=\).*supervisor\.memory_limit/,
  );
});
