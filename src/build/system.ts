/** `npm run setup`, second part: what the build, the agent and its tests need from the operating system. */
import { spawnSync } from 'node:child_process';
import console from 'node:console';
import { existsSync } from 'node:fs';
import { findClang, OLDEST_CLANG } from './clang.ts';
import { aptCommands, type Need, otherDistributions, TEST_NEEDS } from './system-packages.ts';

const BUILD_NEEDS: ReadonlySet<Need> = new Set<Need>(['clang', 'libbpf headers', 'kernel headers']);
const LIBRARY_DIRECTORIES = [
  '/lib64',
  '/usr/lib64',
  '/usr/lib',
  '/lib/x86_64-linux-gnu',
  '/usr/lib/x86_64-linux-gnu',
  '/lib/aarch64-linux-gnu',
  '/usr/lib/aarch64-linux-gnu',
];
const MULTIARCH_ASM = [
  '/usr/include/asm',
  '/usr/include/x86_64-linux-gnu/asm',
  '/usr/include/aarch64-linux-gnu/asm',
];
const PROGRAM_DIRECTORIES = ['/usr/sbin', '/usr/bin', '/sbin', '/bin', '/usr/local/sbin', '/usr/local/bin'];

async function missingNeeds(): Promise<Need[]> {
  const anywhere = (directories: readonly string[], name: string): boolean =>
    directories.some((directory) => existsSync(`${directory}/${name}`));
  const found: Record<Need, boolean> = {
    clang: (await findClang()) !== undefined,
    libbpf: anywhere(LIBRARY_DIRECTORIES, 'libbpf.so.1'),
    'libbpf headers': existsSync('/usr/include/bpf/bpf_helpers.h'),
    'kernel headers': anywhere(MULTIARCH_ASM, 'types.h'),
    bpftool: anywhere(PROGRAM_DIRECTORIES, 'bpftool'),
    runc: anywhere(PROGRAM_DIRECTORIES, 'runc'),
    crun: anywhere(PROGRAM_DIRECTORIES, 'crun'),
    busybox: anywhere(PROGRAM_DIRECTORIES, 'busybox'),
    iproute2: anywhere(PROGRAM_DIRECTORIES, 'tc'),
  };
  return (Object.keys(found) as Need[]).filter((need) => !found[need]);
}

/** Without network the package lists may be old and still do: only a failed installation counts. */
function install(needs: readonly Need[]): void {
  const [update, ...installs] = aptCommands(needs);
  if (!runApt(update))
    console.log('setup: the package lists could not be read anew; going on with the old ones');
  for (const command of installs) {
    if (!runApt(command))
      console.error(`setup: \`apt-get ${command.join(' ')}\` failed; read its lines above`);
  }
}

function runApt(args: readonly string[] = []): boolean {
  console.log(`setup: apt-get ${args.join(' ')}`);
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  return spawnSync('apt-get', [...args], { env, stdio: 'inherit' }).status === 0;
}

function explain(needs: readonly Need[], why: string): void {
  console.log(`setup: missing: ${needs.join(', ')}; ${why}. Install:`);
  for (const line of otherDistributions(needs)) console.log(`  ${line}`);
}

function consequences(needs: readonly Need[]): string[] {
  const tests = TEST_NEEDS.filter((need) => needs.includes(need));
  const build = needs.filter((need) => BUILD_NEEDS.has(need));
  return [
    ...(build.length > 0 ? [`without ${build.join(', ')} no BPF program can be built`] : []),
    ...(needs.includes('libbpf')
      ? ['without libbpf.so.1 no BPF program can be loaded: only procfs metrics work']
      : []),
    ...(needs.includes('bpftool')
      ? ['without bpftool everything works; it helps to look into the kernel']
      : []),
    ...(tests.length > 0 ? [`without ${tests.join(', ')} the tests that need it are skipped`] : []),
  ];
}

async function main(): Promise<void> {
  const needs = await missingNeeds();
  if (needs.length === 0) return console.log('setup: system packages: up to date');
  if (!existsSync('/usr/bin/apt-get')) explain(needs, 'there is no apt-get here');
  else if (process.geteuid?.() !== 0) explain(needs, 'only root may install packages');
  else install(needs);
  const still = await missingNeeds();
  for (const line of consequences(still)) console.log(`setup: ${line}`);
  if (still.includes('clang'))
    console.log(`setup: clang must be ${OLDEST_CLANG} or later; only TypeScript will be built`);
}

await main();
