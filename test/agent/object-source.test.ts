import assert from 'node:assert/strict';
import { test } from 'node:test';
import { objectSource } from '../../src/agent/object-source.ts';
import { loadCatalog } from '../../src/catalog/load-catalog.ts';
import { loadConfig } from '../../src/config/load.ts';
import { bpfFiles, directoryWith, moduleFile } from '../config/collectors.ts';
import { memoryLog } from '../storage/journal/fixture.ts';

test('a BPF object gets its own options under their C names, and none of its module', async () => {
  const module = "options: { ratio: number(1.5, 'Ratio'), mode: choice(['a', 'b'], 'a', 'Mode') },";
  using directory = directoryWith({
    ...bpfFiles('both'),
    ...moduleFile('both', module),
    'config.yaml': '{"collectors": {"both": {"threshold": "1ms", "loopback": true}}}',
  });
  const catalog = await loadCatalog({ builtinRoot: '/nonexistent', extraDirectories: [directory.path] });
  const { config } = loadConfig({ file: `${directory.path}/config.yaml`, overrides: [], catalog });
  const entry = catalog.find('both');
  assert.ok(entry);
  assert.deepEqual(objectSource(entry, { config, log: memoryLog() })?.options, {
    threshold_ns: 1_000_000n,
    sample_bytes: 65_536n,
    max_events: 100n,
    loopback: 1n,
  });
});
