import assert from 'node:assert/strict';
import test from 'node:test';
import { aptCommands, otherDistributions } from '../../src/build/system-packages.ts';

test('only what is missing is installed, after the lists were read', () => {
  const commands = aptCommands(['clang', 'libbpf headers']).map((command) => command.join(' '));
  assert.deepEqual(commands, ['update --quiet', 'install --yes --no-install-recommends clang libbpf-dev']);
});

test('bpftool has a call of its own, because its absence must not cost the others', () => {
  const commands = aptCommands(['libbpf', 'bpftool']).map((command) => command.at(-1));
  assert.deepEqual(commands, ['--quiet', 'libbpf1', 'bpftool']);
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
