/** `tls_server_config` in the terms of node:tls; the policies for client certificates are those of Go's crypto/tls. */
import type { SecureContextOptions, TLSSocket, TlsOptions } from 'node:tls';
import type { ClientAuth, WebTls } from '../config/web-file.ts';

/** What may change while the server listens. */
export function tlsContext({ cert, key, ca, minVersion }: WebTls): SecureContextOptions {
  return { cert, key, minVersion, ...(ca !== undefined && { ca }) };
}

export function tlsOptions(tls: WebTls): TlsOptions {
  return {
    ...tlsContext(tls),
    requestCert: tls.clientAuth !== 'NoClientCert',
    rejectUnauthorized: tls.clientAuth === 'RequireAndVerifyClientCert',
  };
}

/** Whether the client has shown what the policy wants, as far as OpenSSL was not told to see to it. */
export function isAcceptable(socket: TLSSocket, policy: ClientAuth): boolean {
  const hasShown = socket.getPeerX509Certificate() !== undefined;
  switch (policy) {
    case 'NoClientCert':
    case 'RequestClientCert':
      return true;
    case 'RequireAnyClientCert':
      return hasShown;
    case 'VerifyClientCertIfGiven':
      return !hasShown || socket.authorized;
    case 'RequireAndVerifyClientCert':
      return socket.authorized;
  }
}
