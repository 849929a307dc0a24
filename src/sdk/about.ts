/**
 * A collector's row in the table of all collectors (src/collectors/README.md). Ours all have one; what is written in C is
 * QUESTION(), KERNEL() and FALSE_POSITIVES() of bpf/include/huatuo.h.
 */
export interface About {
  /** What it answers, as one would ask it. */
  readonly question: string;
  /** Where it looks when it has no BPF program: files, a netlink family. The programs of an object speak for themselves. */
  readonly reads?: string;
  /** The oldest Linux, what it must be built with, and what is missing on others. */
  readonly kernel: string;
  /** What it may tell that is no trouble, or not so; and what it does not see. */
  readonly falsePositives: string;
}
