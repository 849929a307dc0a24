import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { test } from 'node:test';
import { build } from 'esbuild';
import { builtinImports } from '../../src/build/builtin-imports.ts';

/** What the source, bundled, has a new process print: `loaded` is asked for a module of Node's. */
async function run(source: string): Promise<string> {
  const { outputFiles } = await build({
    stdin: { contents: source, resolveDir: import.meta.dirname },
    bundle: true,
    write: false,
    format: 'esm',
    platform: 'node',
    plugins: [builtinImports],
  });
  const loaded = `const loaded = (name) => process.moduleLoadList.includes('NativeModule ' + name);\n`;
  const script = loaded + outputFiles[0]!.text;
  return execFileSync(process.execPath, ['--input-type=module', '-e', script], { encoding: 'utf8' }).trim();
}

test('what nothing asks for is not loaded: undici with http, which an import has', async () => {
  const source = `import { STATUS_CODES } from 'node:http'; console.log(STATUS_CODES[404], loaded('http'), loaded('internal/deps/undici/undici'));`;
  assert.equal(await run(source), 'Not Found true false');
});

test('an import that is not used loads nothing', async () => {
  const source = `import { connect } from 'node:net'; console.log(loaded('net'));`;
  assert.equal(await run(source), 'false');
});

test('crypto is loaded by the first call', async () => {
  const source = `import { createHash } from 'node:crypto';
    const before = loaded('crypto');
    console.log(before, createHash('sha256').update('a').digest('hex').slice(0, 8), loaded('crypto'));`;
  assert.equal(await run(source), 'false ca978112 true');
});

test('a class stays what it is, and so does a whole module', async () => {
  const source = `import { EventEmitter } from 'node:events'; import path, { join } from 'node:path'; import * as os from 'node:os';
    class Mine extends EventEmitter {}
    console.log(new Mine() instanceof EventEmitter, path.join === join, typeof os.hostname());`;
  assert.equal(await run(source), 'true true string');
});

test('a server that has answered has not loaded undici', async () => {
  const source = `import { get } from 'node:http'; import { text as readText } from 'node:stream/consumers';
    import { addPage, createApp, text } from '../../src/web/app.js'; import { listen } from '../../src/web/server.js';
    const app = createApp({ onError() {}, onReply() {} });
    addPage(app, '/page', (c) => text(c, 'of the app'));
    const server = await listen({ host: '127.0.0.1', port: 0, app, onError() {} });
    get({ port: server.listening.port, path: '/page' }, async (response) => {
      console.log(await readText(response), response.statusCode, loaded('internal/deps/undici/undici'));
      process.exit();
    });`;
  assert.equal(await run(source), 'of the app 200 false');
});
