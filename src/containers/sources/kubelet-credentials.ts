/** The files that say who we are to kubelet, and whom we trust. Their content never gets into a message. */
import { X509Certificate } from 'node:crypto';
import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import { createSecureContext } from 'node:tls';
import { HuatuoError } from '../../error.ts';

export interface CredentialFiles {
  /** PEM. May hold the key too, as kubelet's own `kubelet-client-current.pem` does. */
  readonly clientCertificate?: string;
  /** PEM, unencrypted; without it the key is looked for in `clientCertificate`. */
  readonly clientKey?: string;
  /** A bearer token, as in a pod's service account directory. */
  readonly token?: string;
  /** PEM, one certificate or more; without it the roots of Node.js are trusted. */
  readonly ca?: string;
}

/** To be spread into the options of a request. */
export interface Credentials {
  readonly headers: Readonly<Record<string, string>>;
  readonly ca?: string;
  readonly cert?: string;
  readonly key?: string;
}

/** A bundle with the roots of a whole system has about 200 KiB. */
const MAX_FILE_BYTES = 1024 * 1024;

/** RFC 6750 allows less; kubelet's JSON web tokens need less still. */
const TOKEN = /^[\x21-\x7e]+$/;

/**
 * Reads and checks them all, now: each of them is replaced by Kubernetes while the agent runs.
 * @throws CONTAINER_SOURCE_FAILED that names the file
 */
export async function readCredentials(files: CredentialFiles): Promise<Credentials> {
  const { clientCertificate, clientKey = clientCertificate } = files;
  return {
    headers: files.token === undefined ? {} : { authorization: `Bearer ${await readToken(files.token)}` },
    ...(files.ca === undefined ? {} : { ca: await readCa(files.ca) }),
    ...(clientCertificate === undefined || clientKey === undefined
      ? {}
      : await readPair(clientCertificate, clientKey)),
  };
}

async function readToken(path: string): Promise<string> {
  const token = (await read('token', path)).trim();
  if (TOKEN.test(token)) return token;
  throw unusable('token', path, token === '' ? 'an empty file' : 'bytes that no token has');
}

async function readCa(path: string): Promise<string> {
  const ca = await read('ca', path);
  try {
    // Node takes a bundle without any certificate for "trust none", and blames the server later.
    new X509Certificate(ca);
    return ca;
  } catch (cause) {
    throw unusable('ca', path, `no certificate in PEM (${(cause as Error).message})`);
  }
}

async function readPair(certificate: string, keyPath: string): Promise<{ cert: string; key: string }> {
  const cert = await read('client_certificate', certificate);
  const key = keyPath === certificate ? cert : await read('client_key', keyPath);
  try {
    createSecureContext({ cert, key });
    return { cert, key };
  } catch (cause) {
    const found = `no certificate with its unencrypted key in PEM (${(cause as Error).message})`;
    throw unusable(
      'client_certificate',
      certificate === keyPath ? certificate : `${certificate} and ${keyPath}`,
      found,
    );
  }
}

async function read(option: string, path: string): Promise<string> {
  try {
    // Not blocking: opening a FIFO would wait for a writer, and no signal ends that.
    await using file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
    const stat = await file.stat();
    if (!stat.isFile()) throw new Error('not a regular file');
    if (stat.size > MAX_FILE_BYTES) throw new Error(`${stat.size} bytes, more than ${MAX_FILE_BYTES}`);
    return await file.readFile('utf8');
  } catch (cause) {
    throw unusable(option, path, (cause as Error).message, cause);
  }
}

function unusable(option: string, path: string, found: string, cause?: unknown): HuatuoError {
  return new HuatuoError('CONTAINER_SOURCE_FAILED', {
    expected: `a usable file ${path} for containers.kubelet.${option}`,
    found,
    remedy: `correct that path or that file: it is read again at the next attempt, so a rotation may still be under way`,
    cause,
  });
}
