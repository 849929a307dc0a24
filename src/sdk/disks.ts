/** What a disk does during a capture: who reads and writes it, and which files. */

export interface DiskFile {
  readonly inode: bigint;
  /** dev_t of its file system: major << 20 | minor. */
  readonly device: number;
  /** In its file system, one of those it has; absent when none is in memory. Of more than 16 names the last ones, behind `…`. */
  readonly path?: string;
}

/** Of one process with one file, for one cgroup. */
export interface DiskUsage {
  readonly pid: number;
  /** Chosen by the process. */
  readonly comm: string;
  /** A thread of the kernel, such as that which writes the page cache back: who made the pages dirty has a usage of its own. */
  readonly isKernel: boolean;
  /** Past the page cache. */
  readonly isDirect: boolean;
  /** The one that pays, of the `io` controller. */
  readonly cgroupId: bigint;
  /** Undefined for what is of no file, and where it cannot be told. */
  readonly file: DiskFile | undefined;
  /** Between page cache, or process, and disk; what is complete. */
  readonly read_bytes: number;
  readonly write_bytes: number;
  /** Pages that became dirty, to be written by whomever. */
  readonly dirtied_bytes: number;
  readonly requests: number;
  /** From being queued to completion. */
  readonly q2c_ns: number;
  readonly q2c_max_ns: number;
  /** From issue to the driver to completion, of those of which it is known. */
  readonly issued: number;
  readonly d2c_ns: number;
  readonly d2c_max_ns: number;
}

/** What was not complete at the end. */
export interface DiskRequest extends Pick<DiskUsage, 'pid' | 'comm' | 'isKernel' | 'cgroupId' | 'file'> {
  readonly operation: 'read' | 'write';
  readonly bytes: number;
  /** Since it was queued. */
  readonly age_ns: number;
  readonly isIssued: boolean;
}

/** Plain data. */
export interface DiskActivity {
  readonly seconds: number;
  readonly usages: readonly DiskUsage[];
  /** The oldest first; those that were queued before the look are not among them. */
  readonly inFlight: readonly DiskRequest[];
  /** Requests, and pages made dirty, for which there was no room. */
  readonly lost: number;
}

export interface Disks {
  /**
   * Looks at one disk. It loads a BPF object, as a profile does, with the same limits.
   * @param device dev_t as the kernel has it: major << 20 | minor
   * @param seconds from 0.1 to 60, less when the capture's deadline comes first
   * @throws as `Profiles`
   */
  watch(device: number, seconds: number): Promise<DiskActivity>;
}
