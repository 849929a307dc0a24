/** One container of this host, as far as the cgroup tree tells. */
export interface Container {
  /** 64 hex characters. */
  readonly id: string;
  /** Pod host name where it is known, else the first 12 characters of the id. */
  readonly hostname: string;
  readonly name: string;
  /** Kubernetes namespace; empty when unknown. */
  readonly hostNamespace: string;
  readonly type: 'normal' | 'sidecar' | 'daemonSet' | 'static' | 'node';
  readonly qos: 'guaranteed' | 'burstable' | 'besteffort' | 'unknown';
  /** cgroup directories by controller (`memory`, `cpu`, …; `unified` for v2), absolute paths. */
  readonly cgroups: Readonly<Record<string, string>>;
  /**
   * Inodes of those directories, in the order of `cgroups`: what BPF programs report. On v1 each hierarchy numbers its
   * directories itself, so an inode means a container only together with its controller.
   */
  readonly cgroupIds: readonly bigint[];
}
