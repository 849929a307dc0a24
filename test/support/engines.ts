/**
 * Real container engines for tests of what the agent asks them, each with its own daemon, storage and socket in a temporary
 * directory. Their cgroups are below that of this test process, as with the cgroupfs driver:
 *
 *   docker        docker/<id>
 *   podman        podman/libpod-<id>
 *   containerd    kubepods/burstable/pod<uid>/<id>, through CRI as kubelet does
 *
 * They are large, so `npm run setup` does not bring them: tests skip without.
 */
import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { CGROUP_PARENT } from './container-cgroups.ts';
import { CriPods } from './container-cri.ts';
import { makeEngineDirectory, TestDaemon } from './container-daemon.ts';
import { containerdConfig, podmanEnvironment } from './container-engine-config.ts';
import { IMAGE, makeImage } from './container-image.ts';
import { skipWithoutPrograms } from './container-programs.ts';
import { eventually } from './eventually.ts';

const KUBEPODS = `${CGROUP_PARENT}/kubepods`;

const run = promisify(execFile);

interface EngineContainerSpec {
  readonly name: string;
  readonly hostname: string;
  readonly labels?: Readonly<Record<string, string>>;
  /** @default sleep 600 */
  readonly args?: readonly string[];
}

interface EngineContainer {
  readonly id: string;
  /** Of its init, in the pid namespace of this process. */
  readonly pid: number;
}

/** The end of an engine removes its containers. */
interface TestEngine extends AsyncDisposable {
  readonly socket: string;
  /** Starts a container, without network interfaces. @throws the engine's words */
  run(spec: EngineContainerSpec): Promise<EngineContainer>;
}

export const skipWithoutPodman = (): string | false =>
  skipWithoutPrograms('podman', 'conmon', 'runc', 'busybox');
export const skipWithoutContainerd = (): string | false =>
  skipWithoutPrograms('containerd', 'containerd-shim-runc-v2', 'ctr', 'runc', 'busybox');
export const skipWithoutDocker = (): string | false =>
  skipWithoutContainerd() || skipWithoutPrograms('dockerd', 'docker');

/** `podman system service`: its own API, and docker's. */
export async function startPodman(): Promise<TestEngine> {
  const directory = makeEngineDirectory();
  const socket = join(directory, 'podman.sock');
  const env = podmanEnvironment(directory);
  const cgroup = `${CGROUP_PARENT}/podman`;
  const command = ['podman', 'system', 'service', '--time', '0', `unix://${socket}`] as const;
  await using started = new AsyncDisposableStack();
  started.use(await TestDaemon.start({ directory, socket, cgroup, command, env }));
  const podman = commandLine('podman', [], env);
  started.defer(async () => void (await podman('rm', '--all', '--force', '--time', '0')));
  await podman('load', '--input', makeImage(join(directory, 'image')));
  return new CliEngine(socket, podman, ['--cgroup-parent', cgroup], started.move());
}

/** dockerd, on a containerd of its own. */
export async function startDocker(): Promise<TestEngine> {
  await using started = new AsyncDisposableStack();
  const containerd = started.use(await startContainerdDaemon());
  const directory = makeEngineDirectory();
  const socket = join(directory, 'docker.sock');
  const config = join(directory, 'daemon.json');
  const cgroup = `${CGROUP_PARENT}/docker`;
  writeFileSync(config, '{}');
  const command = [
    'dockerd',
    ...['--config-file', config, '--host', `unix://${socket}`, '--containerd', containerd.socket],
    ...['--data-root', join(directory, 'root'), '--exec-root', join(directory, 'exec')],
    ...['--pidfile', join(directory, 'pid'), '--storage-driver', 'vfs', '--bridge', 'none'],
    ...['--iptables=false', '--ip6tables=false', '--cgroup-parent', cgroup],
  ] as const;
  started.use(await TestDaemon.start({ directory, socket, cgroup, command }));
  const docker = commandLine('docker', ['--host', `unix://${socket}`]);
  started.defer(async () => {
    const ids = (await docker('ps', '--all', '--quiet')).split('\n').filter((id) => id !== '');
    if (ids.length > 0) await docker('rm', '--force', ...ids);
  });
  await docker('load', '--input', makeImage(join(directory, 'image')));
  return new CliEngine(socket, docker, [], started.move());
}

/** containerd with its CRI plugin. Each container is in a pod of its own, in the Kubernetes namespace `test`. */
export async function startContainerd(): Promise<TestEngine> {
  await using started = new AsyncDisposableStack();
  const { directory, socket } = started.use(await startContainerdDaemon());
  const image = makeImage(join(directory, 'image'));
  await run('ctr', ['--address', socket, '--namespace', 'k8s.io', 'images', 'import', image]);
  const pods = started.use(new CriPods(socket));
  await eventually(`containerd's CRI to know ${IMAGE}`, () => pods.hasImage(IMAGE));
  return new CriEngine(socket, pods, started.move());
}

/** docker and podman: the same command line. */
class CliEngine implements TestEngine {
  readonly socket: string;
  readonly #command: CommandLine;
  readonly #options: readonly string[];
  readonly #resources: AsyncDisposable;

  constructor(socket: string, command: CommandLine, options: readonly string[], resources: AsyncDisposable) {
    this.socket = socket;
    this.#command = command;
    this.#options = options;
    this.#resources = resources;
  }

  async run({ name, hostname, labels = {}, args = [] }: EngineContainerSpec): Promise<EngineContainer> {
    const options = Object.entries(labels).flatMap(([key, value]) => ['--label', `${key}=${value}`]);
    const base = ['run', '--detach', '--network', 'none', '--name', name, '--hostname', hostname];
    const id = await this.#command(...base, ...this.#options, ...options, IMAGE, ...args);
    const pid = await this.#command('inspect', '--format', '{{.State.Pid}}', id);
    return { id, pid: Number(pid) };
  }

  [Symbol.asyncDispose](): PromiseLike<void> {
    return this.#resources[Symbol.asyncDispose]();
  }
}

class CriEngine implements TestEngine {
  readonly socket: string;
  readonly #pods: CriPods;
  readonly #resources: AsyncDisposableStack;

  constructor(socket: string, pods: CriPods, resources: AsyncDisposableStack) {
    this.socket = socket;
    this.#pods = pods;
    this.#resources = resources;
  }

  async run({ name, hostname, labels = {}, args = [] }: EngineContainerSpec): Promise<EngineContainer> {
    const uid = randomUUID();
    const pod = { name: `pod-${name}`, namespace: 'test', uid };
    const podLabels = {
      'io.kubernetes.pod.name': pod.name,
      'io.kubernetes.pod.namespace': pod.namespace,
      'io.kubernetes.pod.uid': uid,
    };
    const { sandbox, ...container } = await this.#pods.run(
      {
        ...pod,
        hostname,
        labels: { ...labels, ...podLabels },
        cgroupParent: `${KUBEPODS}/burstable/pod${uid}`,
      },
      { name, image: IMAGE, args, labels: { ...podLabels, 'io.kubernetes.container.name': name } },
    );
    this.#resources.defer(() => this.#pods.remove(sandbox));
    return container;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#resources.disposeAsync();
  }
}

type CommandLine = (...args: readonly string[]) => Promise<string>;

function commandLine(program: string, options: readonly string[], env: NodeJS.ProcessEnv = {}): CommandLine {
  return async (...args) => {
    const { stdout } = await run(program, [...options, ...args], { env: { ...process.env, ...env } });
    return stdout.trim();
  };
}

async function startContainerdDaemon(): Promise<TestDaemon> {
  const directory = makeEngineDirectory();
  const socket = join(directory, 'containerd.sock');
  const config = join(directory, 'config.toml');
  writeFileSync(config, containerdConfig(directory, socket));
  const command = ['containerd', '--config', config] as const;
  return TestDaemon.start({ directory, socket, cgroup: KUBEPODS, command });
}
