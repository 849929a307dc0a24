#!/usr/bin/env node
/**
 * `npm run setup`: from a fresh checkout to a built agent. This file runs on whatever Node the host has (20.19 or
 * later) and does what must come first, the JavaScript packages; these bring Node 26, which does the rest.
 *
 *   setup.mjs (host's Node) ──► npm ci ──► system.ts (Node 26): clang, libbpf, … ──► build.ts
 */
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, statSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
const NODE = join(ROOT, 'node_modules/.bin/node');
const OLDEST_NODE = [20, 19];
const OLDEST_NPM = [10, 0];

const USAGE = `Usage: npm run setup

Installs what is missing and builds the agent; a second run with nothing to do takes seconds.

  1. JavaScript packages, Node 26 among them  (npm ci, when package-lock.json changed)
     libatomic, which it needs                (apt-get, as below)
  2. clang, libbpf, bpftool; for the tests    (apt-get, as root on Debian and Ubuntu; elsewhere it prints the names)
     runc, crun, busybox
  3. BPF objects, decoders, TypeScript        (npm run build)
`;

/** @param {string} line */
function say(line) {
  console.log(`setup: ${line}`);
}

/**
 * @param {string} message
 * @returns {never}
 */
function fail(message) {
  console.error(`setup: ${message}`);
  process.exit(1);
}

/**
 * @param {string} found dotted version
 * @param {number[]} oldest major and minor
 */
function isAtLeast(found, [major, minor]) {
  const [foundMajor = 0, foundMinor = 0] = found.split('.').map(Number);
  return foundMajor > major || (foundMajor === major && foundMinor >= minor);
}

/** PATH as the user has it: `npm run` puts node_modules/.bin first, and `npm ci` would delete the Node it runs on. */
function hostEnvironment() {
  const path = (process.env.PATH ?? '')
    .split(delimiter)
    .filter((entry) => !entry.endsWith('node_modules/.bin'));
  return { ...process.env, PATH: path.join(delimiter) };
}

/**
 * npm notes what it installed in node_modules/.package-lock.json. It leaves out optional packages for other
 * platforms, so every package it has must be the one that is locked, and every one that is missing optional.
 */
function packagesAreInStep() {
  const installed = readPackages(join(ROOT, 'node_modules/.package-lock.json'));
  const locked = readPackages(join(ROOT, 'package-lock.json'));
  if (!installed || !locked || !existsSync(NODE)) return false;
  const names = Object.keys(locked).filter((name) => name !== '');
  const complete = names.every((name) =>
    installed[name] ? installed[name].integrity === locked[name].integrity : locked[name].optional,
  );
  return complete && Object.keys(installed).every((name) => name in locked);
}

/**
 * @param {string} path
 * @returns {Record<string, {integrity?: string, optional?: boolean}> | undefined}
 */
function readPackages(path) {
  try {
    return JSON.parse(readFileSync(path, 'utf8')).packages;
  } catch {
    return undefined;
  }
}

function installPackages() {
  if (packagesAreInStep()) return say('JavaScript packages: up to date');
  const env = hostEnvironment();
  const version = spawnSync('npm', ['--version'], { env, encoding: 'utf8' }).stdout?.trim() ?? '';
  if (!isAtLeast(version, OLDEST_NPM)) {
    fail(
      `expected npm ${OLDEST_NPM.join('.')} or later, found ${version || 'none'}; install it: npm install -g npm@11`,
    );
  }
  say('JavaScript packages: npm ci');
  const result = spawnSync('npm', ['ci', '--include=dev', '--no-audit', '--no-fund'], {
    cwd: ROOT,
    env,
    stdio: 'inherit',
  });
  if (result.status !== 0)
    fail('npm ci failed; read its lines above, check the network and the registry, run again');
  if (!existsSync(NODE)) {
    fail(`expected Node 26 in ${NODE}, found none; the agent runs on Linux with glibc, x64 or arm64`);
  }
}

/** Which packages have it: a minimal system lacks it, and Node 26 does not start without. */
const LIBATOMIC = 'Debian, Ubuntu: libatomic1; Fedora, RHEL: libatomic; openSUSE: libatomic1; Arch: gcc-libs';

/** Node 26 must run before anything that is written for it can install what else is missing. */
function checkNode() {
  const start = () => spawnSync(NODE, ['--version'], { encoding: 'utf8' });
  let result = start();
  if (result.status !== 0 && /libatomic/.test(result.stderr ?? '') && mayUseApt()) {
    say('system packages: apt-get install libatomic1, for Node 26');
    const options = ['install', '--yes', '--no-install-recommends', 'libatomic1'];
    spawnSync('apt-get', ['update', '--quiet'], { stdio: 'inherit' });
    spawnSync('apt-get', options, { stdio: 'inherit' });
    result = start();
  }
  if (result.status === 0) return;
  const words = (result.stderr || result.error?.message || '').trim();
  const remedy = /libatomic/.test(words)
    ? `install it (${LIBATOMIC}) and run again`
    : 'install what it names';
  fail(`expected Node 26 to start, found: ${words}; ${remedy}`);
}

function mayUseApt() {
  return process.geteuid?.() === 0 && existsSync('/usr/bin/apt-get');
}

/**
 * Runs one of our TypeScript programs on Node 26.
 * @param {string} script
 */
function runTypeScript(script) {
  const result = spawnSync(NODE, [join(ROOT, script)], { cwd: ROOT, stdio: 'inherit' });
  if (result.status !== 0) process.exit(result.status ?? 1);
}

if (process.argv.includes('--help')) {
  console.log(USAGE);
  process.exit(0);
}
if (!isAtLeast(process.versions.node, OLDEST_NODE)) {
  fail(
    `expected Node ${OLDEST_NODE.join('.')} or later, found ${process.versions.node}; install Node 20 LTS or newer`,
  );
}
if (process.platform !== 'linux' || !statSync('/proc', { throwIfNoEntry: false })) {
  fail(`expected Linux, found ${process.platform}; the agent observes the Linux kernel`);
}
installPackages();
checkNode();
runTypeScript('src/build/system.ts');
runTypeScript('src/build/build.ts');
say('ready: npm start (as root); npx huatuo --help tells more');
