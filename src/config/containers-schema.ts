/** The section `containers` of the config file. */
import { isIP } from 'node:net';
import { isAbsolute, normalize } from 'node:path';
import * as z from 'zod';
import type { ContainersConfig } from '../containers/config.ts';
import { count, durationMs, flag, pattern, section } from './fields.ts';

const NONE = 'none';
const MAX_PLACES = 16;
const MAX_PATTERN = 4096;

export function containers(): z.ZodType<ContainersConfig> {
  return section(
    'Whose an event or a metric is: containers, from the cgroup tree and from whoever can be asked',
    {
      wait: durationMs({
        // A thread that is only short of CPU answers within it; one that hangs costs it once, until it speaks again.
        default: '1s',
        min: '0ms',
        max: '5s',
        doc: 'How long an event waits to learn whose it is, once for each cgroup; 0ms writes the cgroup id instead',
      }),
      keep_gone: durationMs({
        default: '5m',
        min: '1s',
        max: '1h',
        doc: 'How long a container that has ended is still known',
      }),
      labels: z
        .array(z.string().min(1).max(256).meta({ allowed: 'a label' }))
        .max(32)
        .prefault([])
        .meta({
          description: 'Labels of containers and pods that are written into documents',
          allowed: 'a list of label keys',
        }),
      refresh: durationMs({
        default: '30s',
        min: '1s',
        max: '1h',
        doc: 'How often engines, runtimes and kubelet are asked; new containers make them be asked earlier',
      }),
      timeout: durationMs({
        default: '2s',
        min: '100ms',
        max: '1m',
        doc: 'How long one of them may take to answer',
      }),
      docker: places(['/run/docker.sock'], 'Sockets of docker; of a rootless one /run/user/1000/docker.sock'),
      podman: places(
        ['/run/podman/podman.sock'],
        'Sockets of podman; of a rootless one /run/user/1000/podman/podman.sock',
      ),
      cri: z
        .array(z.string().refine(isAbsolute).transform(normalize).meta({ allowed: 'an absolute path' }))
        .max(8)
        .prefault([
          '/run/containerd/containerd.sock',
          '/run/crio/crio.sock',
          '/run/k3s/containerd/containerd.sock',
          '/run/k0s/containerd.sock',
          '/var/snap/microk8s/common/run/containerd.sock',
        ])
        .meta({
          description: 'Sockets of container runtimes for Kubernetes (CRI)',
          allowed: 'a list of absolute paths',
        }),
      oci: places(
        ['/run', '/run/k3s', '/run/k0s', '/var/snap/microk8s/common/run'],
        'Directories below which runc, crun and containerd keep the state of containers; rootless ones below /run/user/1000',
      ),
      units: units(),
      kubelet: kubelet(),
    },
  ).transform((section) => ({
    wait_ms: section.wait,
    keep_gone_ms: section.keep_gone,
    labels: section.labels,
    refresh_ms: section.refresh,
    timeout_ms: section.timeout,
    docker: section.docker,
    podman: section.podman,
    cri: section.cri,
    oci: section.oci,
    units: section.units,
    kubelet: section.kubelet,
  }));
}

/**
 * Units that have another name at each start would make new series for ever: health checks of podman and nerdctl, what
 * systemd-run starts, and services for one connection, TCP or unix (Accept=yes).
 */
const TRANSIENT_UNITS = '[0-9a-f]{64}.*|run-.*|.+@\\d+-(.+:.+|\\d+-\\d+)\\.service';

function units() {
  return section(
    "Units of the host's systemd that have series of their own, and that autotracers look at, beside containers",
    {
      enabled: flag({
        default: true,
        doc: 'Whether there are any; documents name the unit of a process without it, too',
      }),
      include: pattern({
        default: '.*\\.service',
        max: MAX_PATTERN,
        doc: 'Units of which this matches the whole name, as systemctl shows it; .*\\.(service|scope) for sessions and virtual machines, too. Slices are sums of what is below them',
      }),
      exclude: pattern({
        default: TRANSIENT_UNITS,
        max: MAX_PATTERN,
        doc: 'Of them, not those of which this matches the whole name, by default those that have another name at each start; empty: none left out',
      }),
      max: count({
        default: 256,
        min: 1,
        max: 4096,
        doc: 'Units that have series at a time; what is started beyond it has none, and is counted',
      }),
    },
  );
}

function kubelet() {
  return section("The node's kubelet; found by itself where the usual files are, in a pod or on a node", {
    url: optional({
      doc: 'https://127.0.0.1:10250, or http://127.0.0.1:10255 for the read-only port',
      allowed: 'an http or https URL',
      isValid: isHttpUrl,
    }),
    client_certificate: file('PEM file to show to kubelet; its key may be in it'),
    client_key: file('PEM file with the key, when it is a file of its own'),
    token: file('File with a bearer token, instead of a certificate'),
    ca: file("PEM file to verify kubelet with; always done, by the system's roots without it"),
    server_name: optional({
      doc: 'Name in its certificate, when it is not the host of url',
      allowed: 'a host name',
      isValid: (name) => /^[\w.-]{1,253}$/.test(name) && isIP(name) === 0,
    }),
  })
    .refine(({ url, ...rest }) => url !== '' || Object.values(rest).every((value) => value === ''), {
      path: ['url'],
      params: { allowed: 'the URL that the other keys of this section are for' },
    })
    .transform(({ url, client_certificate, client_key, token, ca, server_name }) =>
      url === ''
        ? undefined
        : {
            url,
            ...(client_certificate && { clientCertificate: client_certificate }),
            ...(client_key && { clientKey: client_key }),
            ...(token && { token }),
            ...(ca && { ca }),
            ...(server_name && { serverName: server_name }),
          },
    );
}

interface OptionalText {
  readonly doc: string;
  readonly allowed: string;
  readonly isValid: (text: string) => boolean;
}

function optional({ doc, allowed, isValid }: OptionalText): z.ZodType<string> {
  return z
    .string()
    .max(4096)
    .refine((text) => text === '' || isValid(text))
    .default('')
    .meta({ description: doc, allowed: `${allowed}, or empty` });
}

function file(doc: string): z.ZodType<string> {
  return optional({ doc, allowed: 'an absolute path', isValid: isAbsolute });
}

function isHttpUrl(text: string): boolean {
  return URL.canParse(text) && /^https?:$/.test(new URL(text).protocol);
}

/** Paths, or one, that can be switched off. Those of users are never a default: who owns a socket decides what it answers. */
function places(paths: readonly string[], doc: string): z.ZodType<string[]> {
  return z
    .union([z.string(), z.array(z.string()).max(MAX_PLACES)])
    .refine((value) => value === NONE || [value].flat().every((path) => isAbsolute(path)))
    .transform((value) => (value === NONE ? [] : [value].flat().map((path) => normalize(path))))
    .prefault([...paths])
    .meta({ description: doc, allowed: `an absolute path, a list of them, or ${NONE}` });
}
