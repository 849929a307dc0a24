/**
 * The pods of this node, from its kubelet: `GET /pods`, by https with a client certificate or a bearer token, or by http
 * from the read-only port. Whoever answers https is verified; there is no way to switch that off.
 */
import { isIP } from 'node:net';
import { urlToHttpOptions } from 'node:url';
import { HuatuoError } from '../../error.ts';
import { sourceFailed } from './answers.ts';
import { urlPlace } from './files.ts';
import { getJson } from './http-json.ts';
import { type CredentialFiles, readCredentials } from './kubelet-credentials.ts';
import { kubeletFailure } from './kubelet-failure.ts';
import { podContainers } from './kubelet-pods.ts';
import type { ContainerDetails, DetailSource } from './source.ts';
import { ClosableSource } from './source.ts';

export interface KubeletOptions extends CredentialFiles {
  /** `https://127.0.0.1:10250`, or `http://127.0.0.1:10255` (read-only port), without credentials. */
  readonly url: string;
  /** Name that the server's certificate must have, when that is not the host of `url`: mostly the node's name. */
  readonly serverName?: string;
}

/** `MAX_DETAILS` containers with long specs: a pod's environment and mounts are in the answer, and are not kept. */
const MAX_PODS_BYTES = 64 * 1024 * 1024;

/**
 * Nothing is read or opened before the first `list()`. Each one makes a connection of its own with the files as they are
 * then, so that rotated ones count, and is bounded by its signal and 64 MiB. Options that contradict each other make it
 * reject; `present()` is always true, as kubelet was configured or found.
 */
export function kubelet(options: KubeletOptions): DetailSource {
  return new Kubelet(options);
}

class Kubelet extends ClosableSource {
  readonly name = 'kubelet';
  readonly #options: KubeletOptions;
  readonly #url: URL | undefined;

  constructor(options: KubeletOptions) {
    super(urlPlace(options.url));
    this.#options = options;
    this.#url = URL.canParse(options.url) ? new URL(options.url) : undefined;
  }

  present(): boolean {
    return true;
  }

  async list(signal: AbortSignal): Promise<readonly ContainerDetails[]> {
    const url = checked(this.#options, this.#url);
    const pods = podContainers(await this.#get(url, this.until(signal)));
    if (!pods)
      throw sourceFailed(
        `kubelet at ${this.place}`,
        'a list of pods',
        'JSON of another shape',
        'check that containers.kubelet.url is the address of a kubelet, without /pods at its end',
      );
    this.leftOut = pods.leftOut;
    return pods.containers;
  }

  async #get(url: URL, signal: AbortSignal): Promise<unknown> {
    const { serverName: servername, ...files } = this.#options;
    const asked = { source: `kubelet at ${this.place}`, what: 'the pods' };
    const credentials = await readCredentials(files);
    try {
      const options = {
        ...urlToHttpOptions(url),
        ...credentials,
        path: `${base(url)}/pods`,
        tls: url.protocol === 'https:',
        // Said aloud because NODE_TLS_REJECT_UNAUTHORIZED=0 in the environment is the default otherwise.
        rejectUnauthorized: true,
        ...(servername === undefined ? {} : { servername }),
      };
      return await getJson({ options, signal, maxBytes: MAX_PODS_BYTES, ...asked });
    } catch (failure) {
      throw kubeletFailure(`${asked.what} as JSON from ${asked.source}`, failure);
    }
  }
}

function base({ pathname }: URL): string {
  return pathname.replace(/\/+$/, '');
}

function checked({ url: _, ...rest }: KubeletOptions, url: URL | undefined): URL {
  if (!url || !['http:', 'https:'].includes(url.protocol))
    throw contradiction('an http:// or https:// URL', 'another one', 'write it as https://127.0.0.1:10250');
  if (url.username !== '' || url.password !== '')
    throw contradiction('a URL without credentials', 'a user in it', 'use client_certificate or token');
  if (rest.clientKey !== undefined && rest.clientCertificate === undefined)
    throw contradiction('client_certificate beside client_key', 'the key alone', 'give both, or neither');
  if (isIP(rest.serverName ?? '') !== 0)
    throw contradiction('a DNS name as server_name', 'an address', 'put the address into the url');
  if (url.protocol === 'http:' && Object.values(rest).some((value) => value !== undefined))
    throw contradiction(
      'https:// with a token, a certificate, a CA or a server name',
      'http://, where a token would go in clear and the server is not verified',
      'write https:// and port 10250, or give the url and nothing else for the read-only port',
    );
  return url;
}

function contradiction(expected: string, found: string, remedy: string): HuatuoError {
  return new HuatuoError('CONTAINER_SOURCE_FAILED', {
    expected: `in containers.kubelet ${expected}`,
    found,
    remedy,
  });
}
