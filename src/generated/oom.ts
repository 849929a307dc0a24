// Generated from bpf/oom.bpf.c by `npm run build`: change the struct there.

import type { MapOf, ObjectBinding } from '../sdk/binding.ts';

/**
 * The kernel killed a process because a memory cgroup or the host ran out of memory.
 * Payload (`tracer_data`) of one document. The bytes on disk are exact; a number above 2^53 loses its last digits when
 * JSON is parsed.
 */
export interface OomEvent {
  /** Memory cgroup of the victim [inode of a cgroup directory] */
  cgroup_id: number;
  /** By how much the kernel's own count of kills in that cgroup (oom_kill) has risen since the document before, if there was one: 1; 0 when the victim was dying already and was only given what memory is left [count] */
  kills_count: number;
  /** Which limit left no room: of memory, or of memory and swap, of the cgroup memcg_id; or memory of the host, or of the nodes that a cpuset or a policy allows [name; the number when it has none] */
  limit?:
    | 'unknown_limit'
    | 'memory'
    | 'memory_and_swap'
    | 'host'
    | 'host_cpuset'
    | 'host_memory_policy'
    | number;
  /** The cgroup at its limit, the kernel's oom_memcg: the victim's or a parent [inode of a cgroup directory] */
  memcg_id?: number;
  /** That limit [bytes] */
  memcg_limit_bytes?: number;
  /** What was charged to it at that moment [bytes] */
  memcg_usage_bytes?: number;
  /** Who asked for the memory that was not there */
  trigger: {
    /** Process whose allocation started the kill [identifier] */
    pid: number;
    /** Thread whose allocation started the kill [identifier] */
    tid: number;
    /** Its memory cgroup [inode of a cgroup directory] */
    cgroup_id: number;
    /** Container of that cgroup; absent on the host */
    container_id?: string;
    /** Its host name; absent on the host */
    container_hostname?: string;
    /** Unit of that cgroup; absent on the host */
    systemd_unit?: string;
    /** Unit of the user's own systemd, in user@<uid>.service; absent on the host */
    systemd_user_unit?: string;
    /** Its path, where it is no container; absent on the host */
    cgroup_path?: string;
    /** Its v2 cgroup, where memory is a controller of v1 [inode of a cgroup directory] */
    unified_cgroup_id?: number;
    /** Its name [text] */
    comm: string;
    /** How it begins; none of the kernel's own threads [text] */
    command_line?: string;
  };
  /** Who is killed for it */
  victim: {
    /** Process that was chosen [identifier] */
    pid: number;
    /** Its user id in the initial namespace [identifier] */
    uid: number;
    /** What its owner has added to its score, from -1000 to 1000 [signed number] */
    oom_score_adj: number;
    /** Its memory cgroup [inode of a cgroup directory] */
    cgroup_id: number;
    /** Container of that cgroup; absent on the host */
    container_id?: string;
    /** Its host name; absent on the host */
    container_hostname?: string;
    /** Unit of that cgroup; absent on the host */
    systemd_unit?: string;
    /** Unit of the user's own systemd, in user@<uid>.service; absent on the host */
    systemd_user_unit?: string;
    /** Its path, where it is no container; absent on the host */
    cgroup_path?: string;
    /** Its v2 cgroup, where memory is a controller of v1 [inode of a cgroup directory] */
    unified_cgroup_id?: number;
    /** Its address space [bytes] */
    total_vm_bytes: number;
    /** Its resident anonymous memory; before Linux 6.2, of this and of the next two, up to 64 pages of each thread are not in it yet [bytes] */
    anon_rss_bytes: number;
    /** Its resident file pages [bytes] */
    file_rss_bytes: number;
    /** Its resident shared memory [bytes] */
    shmem_rss_bytes: number;
    /** Kills in its memory cgroup by the kernel's own count (oom_kill) [count] */
    cgroup_kills_count: number;
    /** Its name [text] */
    comm: string;
    /** How it begins, where it asked for the memory itself or could still be read [text] */
    command_line?: string;
  };
}

/** What `ctx` of the collector `oom` knows of its object. */
export interface OomObject {
  event: OomEvent;
  options: object;
  maps: {
    percpu_offsets: MapOf<number, number>;
    counted_kills: MapOf<bigint, number>;
  };
}

export const oom: ObjectBinding<OomObject> = { object: 'oom' };
