/** Configuration that keeps engines inside one directory, and content with a machine without systemd. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { IMAGE } from './container-image.ts';

/** Of files and processes. Kept low, because not every root may raise its limits. */
const LIMIT = 1_024;

/** @returns the environment for podman and its service; the files it names are in the directory, as all that podman writes */
export function podmanEnvironment(directory: string): NodeJS.ProcessEnv {
  const path = (name: string): string => JSON.stringify(join(directory, name));
  const storage = join(directory, 'storage.conf');
  const containers = join(directory, 'containers.conf');
  writeFileSync(
    storage,
    `[storage]\ndriver = "vfs"\ngraphroot = ${path('root')}\nrunroot = ${path('run')}\n`,
  );
  writeFileSync(
    containers,
    `[containers]
default_ulimits = ["nofile=${LIMIT}:${LIMIT}", "nproc=${LIMIT}:${LIMIT}"]
[engine]
cgroup_manager = "cgroupfs"
events_logger = "none"
runtime = "runc"
tmp_dir = ${path('tmp')}
static_dir = ${path('static')}
volume_path = ${path('volumes')}
[network]
network_config_dir = ${path('net')}
`,
  );
  return { CONTAINERS_STORAGE_CONF: storage, CONTAINERS_CONF: containers };
}

/**
 * The text of config.toml. Pods get a network namespace of their own, in which a network plugin of ours makes nothing and
 * answers always the same: containerd wants an address.
 * @param directory gets the plugin, and all that containerd writes
 */
export function containerdConfig(directory: string, socket: string): string {
  const path = (name: string): string => JSON.stringify(join(directory, name));
  const plugins = join(directory, 'cni');
  mkdirSync(plugins);
  const answer = {
    cniVersion: '0.4.0',
    interfaces: [{ name: 'eth0', sandbox: '/none' }],
    ips: [{ version: '4', interface: 0, address: '192.0.2.2/24' }],
  };
  const script = `#!/bin/sh\ncat >/dev/null\necho '${JSON.stringify(answer)}'\n`;
  for (const name of ['loopback', 'huatuo-test']) writeFileSync(join(plugins, name), script, { mode: 0o755 });
  const network = { cniVersion: '0.4.0', name: 'test', plugins: [{ type: 'huatuo-test' }] };
  mkdirSync(join(directory, 'net.d'));
  writeFileSync(join(directory, 'net.d/10-test.conflist'), JSON.stringify(network));
  return `version = 2
root = ${path('root')}
state = ${path('state')}
disabled_plugins = ["io.containerd.internal.v1.opt"]
[grpc]
address = ${JSON.stringify(socket)}
[plugins."io.containerd.grpc.v1.cri"]
sandbox_image = "${IMAGE}"
restrict_oom_score_adj = true
[plugins."io.containerd.grpc.v1.cri".containerd]
snapshotter = "native"
[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
runtime_type = "io.containerd.runc.v2"
[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
Root = ${path('runc')}
[plugins."io.containerd.grpc.v1.cri".cni]
bin_dir = ${JSON.stringify(plugins)}
conf_dir = ${path('net.d')}
`;
}
