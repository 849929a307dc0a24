import assert from 'node:assert/strict';
import test from 'node:test';
import { aptCommands, otherDistributions } from '../../src/build/system-packages.ts';

test('only what is missing is installed, after the lists were read', () => {
  const commands = aptCommands(['clang', 'libbpf headers']).map((command) => command.join(' '));
  assert.deepEqual(commands, ['update --quiet', 'install --yes --no-install-recommends clang libbpf-dev']);
});

test('what nothing fails without has calls of its own, which remove nothing, because its absence must not cost the others', () => {
  const commands = aptCommands(['libbpf', 'bpftool', 'runc', 'busybox']).map((command) => command.slice(-2));
  assert.deepEqual(commands, [
    ['update', '--quiet'],
    ['--no-install-recommends', 'libbpf1'],
    ['--no-remove', 'bpftool'],
    ['--no-remove', 'runc'],
    ['--no-remove', 'busybox-static'],
  ]);
});

test('every distribution gets a line with its own names, none twice', () => {
  const lines = otherDistributions(['libbpf', 'libbpf headers']);
  assert.deepEqual(
    lines.map((line) => line.split(/[,:] /)[0]),
    ['Debian', 'Fedora', 'Arch', 'openSUSE', 'Alpine (builds BPF objects; the agent itself needs glibc)'],
  );
  assert.match(lines[1] ?? '', /dnf install libbpf libbpf-devel$/);
  assert.match(lines[2] ?? '', /pacman -S libbpf$/);
});
