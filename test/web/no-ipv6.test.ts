/** The server on a host without IPv6, which a seccomp filter makes of this one. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { at } from '../../src/paths.ts';

const directory = mkdtempSync(join(tmpdir(), 'huatuo-no-ipv6-'));
after(() => rmSync(directory, { recursive: true }));
const wrapper = join(directory, 'no-ipv6');
execFileSync('cc', ['-o', wrapper, at('test/fixtures/no-ipv6.c')], { stdio: 'pipe' });

/** @returns the address that was listened on, or the code of the error */
function listenOn(host: string): string {
  const script = `
    import { listen } from ${JSON.stringify(new URL('../../src/web/server.js', import.meta.url).href)};
    const app = { fetch: () => new Response('here') };
    try {
      const server = await listen({ host: ${JSON.stringify(host)}, port: 0, app, onError: () => {} });
      const { address, port } = server.listening;
      const answer = await fetch('http://127.0.0.1:' + port);
      console.log(address + ' ' + (await answer.text()));
      await server[Symbol.asyncDispose]();
    } catch (error) {
      console.log(error.code);
    }`;
  const args = [process.execPath, '--input-type=module', '--eval', script];
  return execFileSync(wrapper, args, { encoding: 'utf8' }).trim();
}

test('all interfaces are those of IPv4', () => {
  assert.equal(listenOn('::'), '0.0.0.0 here');
});

test('a name is listened to on the addresses that are left', () => {
  assert.equal(listenOn('localhost'), '127.0.0.1 here');
});

test('an address of IPv6 is refused', () => {
  assert.equal(listenOn('::1'), 'LISTEN_FAILED');
});
