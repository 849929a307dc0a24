#!/usr/bin/env node
/**
 * What `huatuo` becomes. Plain JavaScript, because it must say what is missing also on an older Node, and before anything
 * has been built.
 */
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const NEEDED = 26;
const root = fileURLToPath(new URL('../..', import.meta.url));
const main = new URL('../../dist/huatuo.js', import.meta.url);

function fail(found) {
  process.stderr.write(`huatuo: ${found}; in ${root} run: npm run setup\n`);
  process.exit(1);
}

if (Number.parseInt(process.versions.node, 10) < NEEDED) {
  fail(`expected Node ${NEEDED}, found ${process.version}`);
} else if (!existsSync(main)) {
  fail('the agent has not been built');
} else {
  const { main: run } = await import(main.href);
  process.exit(await run(process.argv.slice(2)));
}
