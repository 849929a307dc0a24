/** A container as far as CPU time goes: cgroups that are dressed as Docker's, in the hierarchies that schedule and account. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { hierarchyOf, TestCgroup } from './cgroup.ts';

const PERIOD_US = 100_000;
/** Of CPU time, what all containers of a test get beside what else the host runs. */
const FAVOUR = 8;

export class CpuContainer implements AsyncDisposable {
  readonly id: string;
  readonly #parents: readonly TestCgroup[];
  readonly #cgroups: readonly TestCgroup[];

  /** @param digit hexadecimal, of no other container in the test */
  constructor(digit: string) {
    this.id = process.pid.toString(16).padStart(64, digit);
    const controllers = hierarchyOf('cpuacct') ? ['cpu', 'cpuacct'] : ['cpu'];
    const parent = `/huatuo-containers-${process.pid}`;
    this.#parents = controllers.map((controller) => TestCgroup.make(controller, parent));
    this.#parents[0]?.favour(FAVOUR);
    this.#cgroups = controllers.map((controller) =>
      TestCgroup.make(controller, `${parent}/docker/${this.id}`),
    );
  }

  add(pid: number): void {
    for (const cgroup of this.#cgroups) cgroup.add(pid);
  }

  /** Of the time that is fought for, it gets this many times what other containers get. */
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
