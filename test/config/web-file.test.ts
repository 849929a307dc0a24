import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { readWebFile } from '../../src/config/web-file.ts';
import { certificate, certificateAuthority } from '../containers/sources/kubelet-server.ts';
import { directoryWith } from './collectors.ts';

const CA = await certificateAuthority('test CA');
const PAIR = await certificate(CA, 'agent', ['127.0.0.1']);
const FILES = { 'agent.crt': PAIR.cert, 'agent.key': PAIR.key, 'ca.crt': CA.cert };
const HASH = '$2y$10$QOauhQNbBCuQDKes6eFzPeMqBSjb7Mr5DUmpZ/VcEd00UAV/LDeSi';

function read(text: string) {
  using directory = directoryWith({ ...FILES, 'web.yml': text });
  return readWebFile(join(directory.path, 'web.yml'));
}

test('a file of the family is read, with what it names beside it', () => {
  const file = read(`
tls_server_config:
  cert_file: agent.crt
  key_file: agent.key
  client_auth_type: RequireAndVerifyClientCert
  client_ca_file: ca.crt
  min_version: TLS13
http_server_config:
  http2: false
  headers:
    X-Frame-Options: deny
basic_auth_users:
  scraper: ${HASH}
`);
  assert.deepEqual(file.tls, {
    cert: PAIR.cert,
    key: PAIR.key,
    ca: CA.cert,
    clientAuth: 'RequireAndVerifyClientCert',
    minVersion: 'TLSv1.3',
  });
  assert.deepEqual(file.users, { scraper: HASH });
  assert.deepEqual(file.headers, { 'X-Frame-Options': 'deny' });
  assert.equal(file.files.length, 4);
});

test('an empty file asks for nothing', () => {
  const { tls, users, headers } = read('');
  assert.deepEqual([tls, users, headers], [undefined, {}, {}]);
});

for (const [text, fault] of Object.entries({
  'tls_server_config: { cert_file: agent.crt, key_file: agent.key, cipher_suites: [X] }':
    /web\.yml:1:\d+: tls_server_config\.cipher_suites: found a key that is not implemented here/,
  'tls_server_config: { cert_file: agent.crt, key_file: agent.key, max_version: TLS13 }':
    /max_version: found a key that is not implemented/,
  'tls_server_config: { cert_fil: agent.crt, key_file: agent.key }': /did you mean cert_file\?/,
  'tls_server_config: { cert_file: agent.crt }': /key_file: found nothing/,
  'tls_server_config: { cert_file: agent.crt, key_file: agent.key, min_version: TLS10 }': /TLS12 or TLS13/,
  'tls_server_config: { cert_file: agent.crt, key_file: agent.key, client_auth_type: RequireAndVerifyClientCert }':
    /client_ca_file.*a file when client_auth_type verifies/,
  'tls_server_config: { cert_file: agent.crt, key_file: agent.key, client_ca_file: ca.crt }':
    /client_ca_file/,
  'tls_server_config: { cert_file: none.crt, key_file: agent.key }': /cert_file: found ENOENT/,
  'tls_server_config: { cert_file: ca.crt, key_file: agent.key }': /cert_file: .*fits key_file/,
  'http_server_config: { http2: true }': /http2: found true, expected false/,
  'http_server_config: { headers: { Access-Control-Allow-Origin: "*" } }': /Access-Control-Allow-Origin/,
  'http_server_config: { headers: { X-Frame-Options: "a\\r\\nb: c" } }': /X-Frame-Options/,
  'basic_auth_users: [a]': /basic_auth_users/,
  'basic_auth_users: { "a:b": x }': /a name without a colon/,
  'tls_config: {}': /tls_config: found an unknown key/,
})) {
  test(`refused: ${text}`, () => {
    assert.throws(() => read(text), { code: 'CONFIG_INVALID', message: fault });
  });
}

test('a hash that is none, or takes too long, is refused and not shown', () => {
  for (const hash of ['plain-secret', HASH.replace('$10$', '$15$'), HASH.slice(1)])
    assert.throws(
      () => read(`basic_auth_users: { scraper: ${hash} }`),
      (error: Error) =>
        /basic_auth_users\.scraper.*bcrypt/.test(error.message) && !error.message.includes(hash),
    );
});

test('the remedy is about this file, and not about that of the agent', () => {
  for (const text of ['tls_config: {}', '{'])
    assert.throws(() => read(text), { message: /exporter-toolkit describes every key of this file$/ });
  for (const path of ['/nonexistent/web.yml', '/dev/null'])
    assert.throws(() => readWebFile(path), {
      code: 'CONFIG_UNREADABLE',
      message: /found .*\/.*; make it readable, or name another with web\.config_file$/,
    });
});
