/**
 * `npm run test:kernels`: the agent on other kernels than this host's, each in an emulated machine with systemd. Emulation is some 30
 * times slower: it tells what loads, what is right and what is refused, and nothing about speed.
 */

import { execFileSync } from 'node:child_process';
import console from 'node:console';
import { mkdirSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { at } from '../../src/paths.ts';
import { builtCollectors } from '../support/flood.ts';
import { LOCKUP_SOURCES } from '../support/lockup.ts';
import { makeBootFiles } from './boot-files.ts';
import { type Boot, DEFAULT, HIERARCHIES, parseBoot, suiteOf } from './boots.ts';
import { KernelArchive } from './debian.ts';
import { type Image, makeImage } from './image.ts';
import { Machine } from './machine.ts';
import { PARTS, partsOf } from './parts.ts';
import { renderReports, type Told, wrongOf } from './report.ts';
import { Results } from './results.ts';

const PROGRAMS =
  'qemu-system-x86_64 debootstrap mkfs.ext4 cpio modprobe depmod xz busybox ssh ssh-keygen apt-get nice';
const PART_MS = 3_600_000;
const USAGE = `Usage: npm run test:kernels [-- KERNEL[:HIERARCHY]...]

Boots Debian's kernels (default: ${DEFAULT.join(' ')}) in an emulated machine, runs the agent there, provokes
what it watches and writes docs/kernels.md. KERNEL is a release, such as 6.1, or a whole version, such as 6.1.0-56-cloud-amd64;
HIERARCHY is ${Object.keys(HIERARCHIES).join(', ')}. Needs root, and:
${PROGRAMS}

  --cache DIR     where kernels, images and results are kept (2 GB)
  --mirror URL    Debian's archive
  --part PART     only this part of the suite, may be repeated: ${Object.keys(PARTS).join(', ')}
  --resume        leave out what a run before has come through
  --render        write docs/kernels.md from the results there are, boot nothing
`;

interface Run {
  readonly archive: KernelArchive;
  readonly images: (suite: 'bookworm' | 'trixie') => Image;
  readonly results: Results;
  readonly cache: string;
}

async function main(): Promise<number> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      cache: {
        type: 'string',
        default: join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'huatuo-kernels'),
      },
      mirror: { type: 'string', default: 'http://deb.debian.org/debian' },
      part: { type: 'string', multiple: true },
      resume: { type: 'boolean', default: false },
      render: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  const missing = PROGRAMS.split(' ').filter((program) => !isInstalled(program));
  if (values.help || missing.length > 0) {
    console.error(values.help ? USAGE : `expected programs, found no ${missing.join(', ')}; install them`);
    return values.help ? 0 : 2;
  }
  const boots = (positionals.length > 0 ? positionals : DEFAULT).map(parseBoot);
  const cache = resolve(values.cache);
  mkdirSync(cache, { recursive: true });
  const results = new Results(cache);
  const images = new Map<string, Image>();
  const run: Run = {
    archive: new KernelArchive(cache, values.mirror),
    images: (suite) => {
      const image = images.get(suite) ?? makeImage(suite, cache, values.mirror);
      images.set(suite, image);
      return image;
    },
    results,
    cache,
  };
  const failed: string[] = [];
  for (const boot of values.render ? [] : boots) {
    try {
      await tryBoot(boot, values.part, values.resume, run);
    } catch (error) {
      failed.push(boot.name);
      console.error(`${boot.name}: ${(error as Error).message}`);
    }
    writePage(results);
  }
  if (values.render) writePage(results);
  for (const { name } of boots) {
    const known = results.of(name);
    if (!known) console.log(`${name}: nothing is known`);
    for (const wrong of known ? wrongOf(known) : []) {
      failed.push(name);
      console.log(`${name}: ${wrong} is wrong`);
    }
  }
  return failed.length > 0 ? 1 : 0;
}

async function tryBoot(
  boot: Boot,
  only: readonly string[] | undefined,
  resume: boolean,
  run: Run,
): Promise<void> {
  const { archive, images, results, cache } = run;
  if (!resume && !only) results.restart(boot.name);
  const ended = resume ? results.parts(boot.name) : [];
  const parts = partsOf(boot.hierarchy, only).filter((part) => !ended.includes(part));
  if (parts.length === 0) return;
  // A guest has no compiler.
  await builtCollectors(LOCKUP_SOURCES);
  const version = archive.resolve(boot.kernel);
  const files = makeBootFiles(version, archive.unpack(version), join(cache, 'k', version));
  const image = images(suiteOf(version));
  const say = (line: string): void =>
    console.error(`${new Date().toTimeString().slice(0, 8)} ${boot.name}: ${line}`);
  say(`${version} boots, with systemd of ${suiteOf(version)}`);
  await using machine = await Machine.boot(files, image, cache, HIERARCHIES[boot.hierarchy].commandLine);
  const failed: string[] = [];
  for (const part of parts) {
    const take = (line: string): void => results.add(boot.name, JSON.parse(line) as Told);
    const command = `node /opt/huatuo/dist/test/kernels/guest/main.js ${part} ${boot.hierarchy}`;
    try {
      await machine.run(command, PART_MS, take, say);
      results.ended(boot.name, part);
    } catch (error) {
      failed.push(`${part}: ${(error as Error).message}`);
    }
  }
  if (failed.length > 0) throw new Error(`expected each part to end, found\n${failed.join('\n')}`);
}

function writePage(results: Results): void {
  const reports = DEFAULT.flatMap((boot) => results.of(boot) ?? []);
  if (reports.length > 0) writeFileSync(at('docs/kernels.md'), renderReports(reports));
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
