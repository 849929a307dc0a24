import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { containerFragment, ownerFragment, sharedFragment } from '../../src/decoder/owner-fragment.ts';
import type { Container } from '../../src/sdk/container.ts';
import { containerLabels } from '../../src/sdk/container.ts';
import { A, container } from '../support/containers-fixture.ts';

const MAX_FRAGMENT_BYTES = 4096;

/** The document a fragment makes when it is put behind a field. */
function spliced(fragment: string): Record<string, unknown> {
  return JSON.parse(`{"tracer_name":"oom"${fragment},"end":1}`) as Record<string, unknown>;
}

test('what is known of a container continues a JSON object; what is not known is left out', () => {
  const one = container({ hostname: 'web-0', qos: 'burstable' });
  assert.equal(
    containerFragment(one),
    `,"container_id":"${A}","container_hostname":"web-0","container_type":"normal","container_qos":"burstable",` +
      `"container_name":"${A.slice(0, 12)}","container_runtime":"docker"`,
  );
  const { podName: _, ...all } = spliced(
    containerFragment(
      container({ image: 'redis:7', podName: 'web-0', hostNamespace: 'kube-system', labels: { app: 'web' } }),
    ),
  ) as { podName?: never } & Record<string, unknown>;
  assert.deepEqual(
    [all.container_image, all.pod_name, all.container_host_namespace, all.container_labels],
    ['redis:7', 'web-0', 'kube-system', { app: 'web' }],
  );
});

test('a unit has its name and path, the root of the host nothing, a plain cgroup its path, and an unknown one says so', () => {
  const unit = { type: 'unit', name: 'a"\n.service', cgroupPath: '/system.slice/a"\n.service' } as const;
  assert.deepEqual(spliced(ownerFragment(unit, 7n) ?? ''), {
    tracer_name: 'oom',
    systemd_unit: 'a"\n.service',
    cgroup_path: '/system.slice/a"\n.service',
    end: 1,
  });
  assert.equal(ownerFragment({ type: 'host', cgroupPath: '/' }, 1n), null);
  assert.equal(ownerFragment({ type: 'host', cgroupPath: '/batch' }, 7n), ',"cgroup_path":"/batch"');
  assert.equal(
    ownerFragment({ type: 'unknown' }, 2n ** 56n - 1n),
    ',"owner":"unknown","container_cgroup_id":"72057594037927935"',
  );
  assert.equal(
    ownerFragment({ type: 'unknown' }, (5n << 56n) + 7n),
    ',"owner":"unknown","container_cgroup_id":"7"',
  );
});

test('a unit with the longest texts fits into a document; of a path the end is kept', () => {
  const long = '\u0001'.repeat(5000);
  const fragment = ownerFragment({ type: 'unit', name: long, cgroupPath: `${long}/end` }, 7n) ?? '';
  assert.ok(Buffer.byteLength(fragment) <= MAX_FRAGMENT_BYTES);
  assert.match(String(spliced(fragment).cgroup_path), /^….*\/end$/su);
});

test('long texts are cut; when that is not enough labels go first, then everything but the id', () => {
  const long = 'n'.repeat(100_000);
  assert.equal(spliced(containerFragment(container({ name: long }))).container_name, 'n'.repeat(256));
  const labels = Object.fromEntries(Array.from({ length: 32 }, (_, index) => [`key${index}`, long]));
  const withoutLabels = spliced(containerFragment(container({ name: 'web', labels })));
  assert.deepEqual([withoutLabels.container_name, withoutLabels.container_labels], ['web', undefined]);
  const worst = '\u0001'.repeat(100_000);
  const fields = { hostname: worst, name: worst, image: worst, podName: worst, hostNamespace: worst };
  assert.deepEqual(spliced(containerFragment(container(fields))), {
    tracer_name: 'oom',
    container_id: A,
    end: 1,
  });
});

/** What somebody who starts containers may call them. */
const hostile = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 300 }),
  fc.string({
    unit: fc.constantFrom('"', '\\', '\n', '\0', '\u007f', '\u2028', '\ud800', '\udc00', '😀', '}'),
    maxLength: 300,
  }),
  fc.constantFrom('x', '\ud83d', '😀', '\u0001', '€').map((char) => char.repeat(100_000 / char.length)),
);
const hostileContainer: fc.Arbitrary<Container> = fc
  .record({
    id: hostile,
    hostname: hostile,
    name: hostile,
    image: hostile,
    podName: hostile,
    hostNamespace: hostile,
    labels: fc.dictionary(fc.oneof(hostile, fc.constantFrom('__proto__', 'container_id')), hostile, {
      maxKeys: 32,
    }),
  })
  .map(container);

test('whatever a container is called, its part of a document is valid JSON of at most 4 KiB and names the id', () => {
  fc.assert(
    fc.property(hostileContainer, (one) => {
      const fragment = containerFragment(one);
      assert.ok(Buffer.byteLength(fragment) <= MAX_FRAGMENT_BYTES);
      const document = spliced(fragment);
      assert.equal(document.end, 1);
      assert.equal(document.tracer_name, 'oom');
      assert.equal(document.container_id ?? '', one.id.slice(0, 256).toWellFormed());
    }),
    { numRuns: 500 },
  );
});

test('the labels of metrics have the names of the existing dashboards', () => {
  assert.deepEqual(containerLabels(container({ hostname: 'web-0', name: 'nginx', qos: 'burstable' })), {
    container_host: 'web-0',
    container_name: 'nginx',
    container_type: 'normal',
    container_level: 'burstable',
    container_hostnamespace: '',
    container_id: A,
  });
});

test('of containers that share a network namespace what all have is said', () => {
  const pod = { podName: 'web-0', hostNamespace: 'shop', hostname: 'web-0', runtime: 'containerd' } as const;
  const one = container({ id: 'a'.repeat(64), name: 'app', ...pod });
  const two = container({ id: 'b'.repeat(64), name: 'sidecar', ...pod });
  assert.equal(sharedFragment([]), '');
  assert.equal(sharedFragment([one]), containerFragment(one));
  const shared = spliced(sharedFragment([one, two])) as Record<string, unknown>;
  assert.deepEqual(
    [shared.pod_name, shared.container_host_namespace, shared.container_hostname, shared.container_runtime],
    ['web-0', 'shop', 'web-0', 'containerd'],
  );
  assert.ok(!('container_id' in shared) && !('container_name' in shared));
});
