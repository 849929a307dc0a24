/** Cgroups as container engines make them, in whatever hierarchies this host has. */
import { type ChildProcess, spawn } from 'node:child_process';
import { createHash, randomUUID } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, rmdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Hierarchy } from '../boots.ts';

const ROOT = '/sys/fs/cgroup';
const CONTROLLERS = ['memory', 'cpu', 'cpuacct', 'pids', 'blkio', 'systemd'];
const PERIOD_US = 100_000;

export interface Limits {
  readonly memory_bytes: number;
  readonly cores?: number;
}

/** A container, as far as the kernel knows of it. */
export class ContainerGroup {
  readonly id = createHash('sha256').update(randomUUID()).digest('hex');
  readonly #isUnified: boolean;
  /** Its directories; of cgroup v2 one. */
  readonly #directories: readonly string[];

  constructor(hierarchy: Hierarchy, { memory_bytes, cores }: Limits) {
    this.#isUnified = hierarchy === 'unified';
    if (this.#isUnified)
      for (const parent of [ROOT, `${ROOT}/system.slice`])
        writeFileSync(`${parent}/cgroup.subtree_control`, '+cpu +memory +pids +io');
    const name = this.#isUnified ? `system.slice/docker-${this.id}.scope` : `docker/${this.id}`;
    const mounts = this.#isUnified ? [''] : [...CONTROLLERS, ...(hierarchy === 'hybrid' ? ['unified'] : [])];
    this.#directories = mounts
      .filter((mount) => existsSync(join(ROOT, mount)))
      .map((mount) => join(ROOT, mount, name));
    for (const directory of this.#directories) mkdirSync(directory, { recursive: true });
    this.#write('memory', this.#isUnified ? 'memory.max' : 'memory.limit_in_bytes', memory_bytes);
    if (cores === undefined) return;
    const quota_us = cores * PERIOD_US;
    if (this.#isUnified) this.#write('cpu', 'cpu.max', `${quota_us} ${PERIOD_US}`);
    else this.#write('cpu', 'cpu.cfs_quota_us', quota_us);
  }

  /** Inode of its cgroup with a controller: what BPF programs know it by. */
  inode(controller: string): number {
    return statSync(this.#directory(controller)).ino;
  }

  /** A file of its cgroup: by its name on v2, and by that on v1. */
  read(controller: string, unified: string, legacy: string): string {
    return readFileSync(join(this.#directory(controller), this.#isUnified ? unified : legacy), 'utf8');
  }

  spawn(command: string): ChildProcess {
    const enter = this.#directories.map((directory) => `echo $$ > ${directory}/cgroup.procs`).join('; ');
    return spawn('sh', ['-c', `${enter}; ${command}`], { stdio: 'ignore' });
  }

  /** Ends what runs in it, and removes it. */
  async remove(): Promise<void> {
    const processes = readFileSync(join(this.#directory('memory'), 'cgroup.procs'), 'utf8');
    for (const pid of processes.split('\n').filter(Boolean)) process.kill(Number(pid), 'SIGKILL');
    for (const directory of this.#directories)
      for (let attempt = 0; attempt < 50 && existsSync(directory); attempt++) {
        try {
          rmdirSync(directory);
        } catch {
          await sleep(200);
        }
      }
  }

  #directory(controller: string): string {
    return this.#isUnified ? this.#directories[0]! : join(ROOT, controller, 'docker', this.id);
  }

  #write(controller: string, file: string, value: string | number): void {
    writeFileSync(join(this.#directory(controller), file), String(value));
  }
}

/** Inode of the memory cgroup of a unit of the system slice. */
export function unitInode(hierarchy: Hierarchy, unit: string): number {
  return statSync(join(ROOT, hierarchy === 'unified' ? '' : 'memory', 'system.slice', unit)).ino;
}
