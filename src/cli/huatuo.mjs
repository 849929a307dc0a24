#!/usr/bin/env node
/**
 * The binary. Plain JavaScript that any Node since 18 can run: the agent itself needs Node 26, which is pinned as a
 * dependency. Under `npm run` and `npx`, `node` already is that one; started from elsewhere, this file starts it again
 * under the pinned one and passes on standard streams, signals and exit code.
 */
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { isatty } from 'node:tty';
import { fileURLToPath } from 'node:url';
import { setFlagsFromString } from 'node:v8';

const NEEDED = 26;
const root = fileURLToPath(new URL('../..', import.meta.url));
const main = new URL('../../dist/src/cli/main.js', import.meta.url);

function fail(found) {
  process.stderr.write(`huatuo: ${found}; in ${root} run: npm run setup\n`);
  process.exit(1);
}

function pinnedNode() {
  try {
    const require = createRequire(import.meta.url);
    const binary = join(dirname(require.resolve(`node-linux-${process.arch}/package.json`)), 'bin/node');
    return existsSync(binary) ? binary : undefined;
  } catch {
    return undefined;
  }
}

function restart(binary) {
  const child = spawn(
    binary,
    [...process.execArgv, fileURLToPath(import.meta.url), ...process.argv.slice(2)],
    {
      stdio: 'inherit',
    },
  );
  // A terminal sends these two to the whole process group; passed on as well, the child would see them twice and take the
  // second for impatience.
  const fromTerminal = isatty(0) ? ['SIGINT', 'SIGQUIT'] : [];
  for (const signal of ['SIGINT', 'SIGQUIT', 'SIGTERM', 'SIGHUP', 'SIGUSR2']) {
    process.on(signal, () => fromTerminal.includes(signal) || child.kill(signal));
  }
  child.on('error', (error) => fail(`cannot start ${binary}: ${error.message}`));
  child.on('exit', (code, signal) => {
    if (signal === null) process.exit(code ?? 1);
    process.removeAllListeners(signal);
    process.kill(process.pid, signal);
  });
}

if (Number.parseInt(process.versions.node, 10) < NEEDED) {
  const binary = pinnedNode();
  if (binary === undefined) fail(`expected Node ${NEEDED}, found ${process.version} and no pinned one`);
  restart(binary);
} else if (!existsSync(main)) {
  fail('the agent has not been built');
} else {
  // Ten small heaps do not need helpers to be collected: waking four threads for each costs more than the collection.
  setFlagsFromString('--single-threaded-gc');
  const { main: run } = await import(main.href);
  process.exit(await run(process.argv.slice(2)));
}
