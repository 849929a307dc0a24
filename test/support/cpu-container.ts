/** Containers and systemd units as far as CPU time goes: cgroups dressed as theirs, in the hierarchies that schedule and account. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { hierarchyOf, TestCgroup } from './cgroup.ts';

const PERIOD_US = 100_000;
/** Of CPU time, what all of them in a test get beside what else the host runs. */
const FAVOUR = 8;

class CpuWorkload implements AsyncDisposable {
  /** As documents have it. */
  readonly id: string;
  readonly #parents: readonly TestCgroup[];
  readonly #cgroups: readonly TestCgroup[];

  /** @param path below a slice of the test */
  constructor(id: string, path: string) {
    this.id = id;
    const controllers = hierarchyOf('cpuacct') ? ['cpu', 'cpuacct'] : ['cpu'];
    const parent = `/huatuo${process.pid}.slice`;
    this.#parents = controllers.map((controller) => TestCgroup.make(controller, parent));
    this.#parents[0]?.favour(FAVOUR);
    this.#cgroups = controllers.map((controller) => TestCgroup.make(controller, `${parent}/${path}`));
  }

  add(pid: number): void {
    for (const cgroup of this.#cgroups) cgroup.add(pid);
  }

  /** Of the time that is fought for, it gets this many times what others get. */
  favour(times: number): void {
    const [cgroup] = this.#cgroups as readonly [TestCgroup];
    cgroup.favour(times);
  }

  /** @param cores CPUs' worth of time that it may use */
  limit(cores: number): void {
    const quota_us = Math.round(cores * PERIOD_US);
    const [{ path, version }] = this.#cgroups as readonly [TestCgroup];
    if (version === 2) writeFileSync(join(path, 'cpu.max'), `${quota_us} ${PERIOD_US}`);
    else writeFileSync(join(path, 'cpu.cfs_quota_us'), String(quota_us));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await using stack = new AsyncDisposableStack();
    for (const cgroup of [...this.#parents, ...this.#cgroups]) stack.use(cgroup);
  }
}

export class CpuContainer extends CpuWorkload {
  /** @param digit hexadecimal, of no other container in the test */
  constructor(digit: string) {
    const id = process.pid.toString(16).padStart(64, digit);
    super(id, `docker/${id}`);
  }
}

export class CpuUnit extends CpuWorkload {
  /** @param name of no other unit in the test */
  constructor(name: string) {
    const unit = `huatuo-${name}-${process.pid}.service`;
    super(unit, unit);
  }
}
