/** What to do when kubelet's answer cannot be had: each way to fail has one likely reason. */
import { HuatuoError } from '../../error.ts';
import { UnexpectedStatus } from './http-json.ts';

const NAME_OF_NODE = "set containers.kubelet.server_name to a name in it (kubelet's is the node's name)";

/** kubelet makes its own certificate unless `serverTLSBootstrap` is on: then no CA of the cluster vouches for it. */
const GIVE_CA =
  "give containers.kubelet.ca the CA that signed kubelet's certificate: the cluster's, or /var/lib/kubelet/pki/kubelet.crt " +
  'where kubelet signed for itself';

const GIVE_CREDENTIALS =
  'give containers.kubelet.client_certificate or containers.kubelet.token what this kubelet accepts: a certificate of its ' +
  'client CA, or a token that has not expired';

const HUNG_UP =
  'check that the port in containers.kubelet.url is one for http or https as written; if kubelet demands a client ' +
  `certificate, ${GIVE_CREDENTIALS}`;

const REMEDIES: Readonly<Record<string, string>> = {
  401: GIVE_CREDENTIALS,
  403:
    "allow it: the certificate's user or the token's service account needs get on nodes/proxy (from Kubernetes 1.33, " +
    'nodes/pods is enough)',
  404: 'check containers.kubelet.url: kubelet answers on port 10250 (https) or its read-only port 10255 (http)',
  400: 'check containers.kubelet.url: port 10250 wants https://, the read-only port 10255 http://',
  DEPTH_ZERO_SELF_SIGNED_CERT: GIVE_CA,
  SELF_SIGNED_CERT_IN_CHAIN: GIVE_CA,
  UNABLE_TO_GET_ISSUER_CERT: GIVE_CA,
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: GIVE_CA,
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: GIVE_CA,
  CERT_SIGNATURE_FAILURE: GIVE_CA,
  ERR_TLS_CERT_ALTNAME_INVALID: NAME_OF_NODE,
  CERT_HAS_EXPIRED: "renew kubelet's serving certificate (and check the clock of this node)",
  CERT_NOT_YET_VALID: "check the clock of this node against kubelet's serving certificate",
  EPROTO: 'check containers.kubelet.url: this port does not speak https as we do (the read-only one is http)',
  ECONNREFUSED: 'check that kubelet runs and listens at containers.kubelet.url',
  ECONNRESET: HUNG_UP,
  ENOTFOUND: 'correct the host name in containers.kubelet.url',
};

/**
 * A failed `getJson` with the remedy for kubelet; what it knows no better remedy for stays as it is.
 * @param expected the beginning of the message: what was asked of whom
 */
export function kubeletFailure(expected: string, failure: unknown): unknown {
  if (!(failure instanceof HuatuoError) || !(failure.cause instanceof Error)) return failure;
  const { cause } = failure;
  const key = cause instanceof UnexpectedStatus ? cause.status : (cause as NodeJS.ErrnoException).code;
  const found = cause.message.trim();
  const remedy = isAlert(`${key}`, found) ? HUNG_UP : REMEDIES[key ?? ''];
  if (remedy === undefined) return failure;
  return new HuatuoError('CONTAINER_SOURCE_FAILED', { expected, found, remedy, cause });
}

/** With an alert a TLS server ends a handshake: mostly because it misses or does not accept our certificate. */
function isAlert(code: string, message: string): boolean {
  return /^(EPROTO$|ERR_SSL_)/.test(code) && / alert /.test(message);
}
