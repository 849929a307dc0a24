// Generated from bpf/runqlat.bpf.c by `npm run build`: change the struct there.

/** Value of the map `host`. */
export interface RunqlatHostValue {
  /** [count] */
  zones: number[];
  /** [count] */
  slots: number[];
  /** [nanoseconds] */
  sum_ns: number;
  /** [count] */
  untracked: number;
}

/** Value of the map `cgroups`. */
export interface RunqlatCgroupsValue {
  /** [count] */
  zones: number[];
}
