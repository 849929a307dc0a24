import assert from 'node:assert/strict';
import { test } from 'node:test';
import { containerId, qosOf } from '../../src/containers/identify.ts';

const ID = 'a1'.repeat(32);

test('the directory names of every runtime give the id', () => {
  for (const name of [
    ID,
    `docker-${ID}.scope`,
    `cri-containerd-${ID}.scope`,
    `crio-${ID}.scope`,
    `libpod-${ID}.scope`,
    `nerdctl-${ID}.scope`,
    `crio-${ID}`,
  ])
    assert.equal(containerId(name), ID, name);
});

test('monitors, pods, slices and other hexadecimal names are no containers', () => {
  for (const name of [
    `crio-conmon-${ID}.scope`,
    `libpod-conmon-${ID}.scope`,
    `${ID}.scope`,
    `${ID}0`,
    ID.slice(1),
    ID.toUpperCase(),
    `x${ID.slice(1)}`,
    `docker-${ID}.scope\n`,
    `\n${ID}`,
    'kubepods-burstable.slice',
    'pod1f3a1c52-0000-4000-8000-000000000000',
    'system.slice',
  ])
    assert.equal(containerId(name), undefined, JSON.stringify(name));
});

test('the quality of service is in the path below kubepods', () => {
  const pod = 'pod1f3a1c52_0000_4000_8000_000000000000';
  const cases: [string, string][] = [
    [`/kubepods/burstable/pod-uid/${ID}`, 'burstable'],
    [`/kubepods/besteffort/pod-uid/${ID}`, 'besteffort'],
    [`/kubepods/pod-uid/${ID}`, 'guaranteed'],
    [
      `/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-${pod}.slice/cri-containerd-${ID}.scope`,
      'burstable',
    ],
    [
      `/kubepods.slice/kubepods-besteffort.slice/kubepods-besteffort-${pod}.slice/crio-${ID}.scope`,
      'besteffort',
    ],
    [`/kubepods.slice/kubepods-${pod}.slice/cri-containerd-${ID}.scope`, 'guaranteed'],
    [
      `/kubelet.slice/kubelet-kubepods.slice/kubelet-kubepods-burstable.slice/cri-containerd-${ID}.scope`,
      'burstable',
    ],
    [`/docker/${ID}/kubelet/kubepods/besteffort/pod-uid/${ID}`, 'besteffort'],
    [`/docker/${ID}`, 'unknown'],
    [`/system.slice/docker-${ID}.scope`, 'unknown'],
    [`/mykubepodsburstable/${ID}`, 'unknown'],
    [`/besteffort/kubepods/pod-uid/${ID}`, 'guaranteed'],
  ];
  for (const [path, qos] of cases) assert.equal(qosOf(path), qos, path);
});
