/**
 * `npm run test:kernels`: the agent on other kernels than this host's, each in an emulated machine with systemd and cgroup v2
 * only. Emulation is some 30 times slower: it tells what loads, what is right and what is refused, and nothing about speed.
 */

import { execFileSync } from 'node:child_process';
import console from 'node:console';
import { mkdirSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { at } from '../../src/paths.ts';
import { makeBootFiles } from './boot-files.ts';
import { KernelArchive } from './debian.ts';
import { type Image, makeImage } from './image.ts';
import { Machine } from './machine.ts';
import { type GuestReport, renderReports } from './report.ts';

const DEFAULT = ['5.10', '6.1', '6.12', '6.18', '7.3'];
const PROGRAMS =
  'qemu-system-x86_64 debootstrap mkfs.ext4 cpio modprobe depmod xz busybox ssh ssh-keygen apt-get';
const GUEST_MS = 3_600_000;
const USAGE = `Usage: npm run test:kernels [-- KERNEL...]

Boots Debian's kernels (default: ${DEFAULT.join(' ')}) in an emulated machine, runs the agent there, provokes what it watches and
writes docs/kernels.md. KERNEL is a release, such as 6.1, or a whole version, such as 6.1.0-56-cloud-amd64. Needs root, and:
${PROGRAMS}

  --cache DIR     where kernels and the image are kept (1 GB)
  --mirror URL    Debian's archive
  --no-document   leave docs/kernels.md as it is
`;

async function main(): Promise<number> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      cache: {
        type: 'string',
        default: join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'huatuo-kernels'),
      },
      mirror: { type: 'string', default: 'http://deb.debian.org/debian' },
      'no-document': { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  const missing = PROGRAMS.split(' ').filter((program) => !isInstalled(program));
  if (values.help || missing.length > 0) {
    console.error(values.help ? USAGE : `expected programs, found no ${missing.join(', ')}; install them`);
    return values.help ? 0 : 2;
  }
  const cache = resolve(values.cache);
  mkdirSync(cache, { recursive: true });
  const archive = new KernelArchive(cache, values.mirror);
  const wanted = positionals.length > 0 ? positionals : DEFAULT;
  const image = makeImage(cache, values.mirror);
  const reports = new Map<string, GuestReport>();
  let failures = 0;
  for (const release of wanted) {
    try {
      reports.set(release, await tryKernel(release, archive, image, cache));
    } catch (error) {
      failures++;
      console.error(`${release}: ${(error as Error).message}`);
    }
    // After each: a run that is ended early leaves what it has.
    const page = renderReports(`npm run test:kernels -- ${[...reports.keys()].join(' ')}`, [
      ...reports.values(),
    ]);
    if (reports.size > 0 && !values['no-document']) writeFileSync(at('docs/kernels.md'), page);
    if (release === wanted.at(-1)) console.log(page);
  }
  const findings = [...reports.values()].flatMap(({ collectors, service }) => [
    ...Object.values(collectors),
    ...Object.values(service),
  ]);
  return failures > 0 || findings.some(({ result }) => result === 'wrong') ? 1 : 0;
}

async function tryKernel(
  release: string,
  archive: KernelArchive,
  image: Image,
  cache: string,
): Promise<GuestReport> {
  const version = archive.resolve(release);
  const files = makeBootFiles(version, archive.unpack(version), join(cache, 'k', version));
  console.error(`${version}: boots`);
  await using machine = await Machine.boot(files, image, cache);
  const told = (line: string): void => console.error(`${version}: ${line}`);
  return JSON.parse(
    await machine.run('node /opt/huatuo/dist/test/kernels/guest/main.js', GUEST_MS, told),
  ) as GuestReport;
}

function isInstalled(program: string): boolean {
  try {
    execFileSync('sh', ['-c', 'command -v "$0"', program], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(130));
process.exitCode = await main();
