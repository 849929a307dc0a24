/** The section `containers` of the configuration as the agent uses it. */
import type { KubeletOptions } from './sources/kubelet.ts';
import type { UnitsConfig } from './unit-series.ts';

export interface ContainersConfig {
  /** How long an event waits to learn whose it is; 0 writes the cgroup id at once. */
  readonly wait_ms: number;
  /** How long a container that is gone stays resolvable. */
  readonly keep_gone_ms: number;
  /** Keys of the container labels that are kept. */
  readonly labels: readonly string[];
  readonly refresh_ms: number;
  /** For one answer of one source. */
  readonly timeout_ms: number;
  /** Sockets. */
  readonly docker: readonly string[];
  readonly podman: readonly string[];
  readonly cri: readonly string[];
  /** Directories below which runtimes keep their state. */
  readonly oci: readonly string[];
  /** Which systemd units have series. */
  readonly units: UnitsConfig;
  /** Undefined: what the node's own files tell. */
  readonly kubelet: KubeletOptions | undefined;
}
