/** Names of disks by the number programs report, from `/sys/dev/block`. Kept for one scrape: disks come and go. */
import { readlinkSync } from 'node:fs';
import { basename, join } from 'node:path';

const MINOR_BITS = 20;

export class DiskNames {
  readonly #sysfs: string;
  readonly #names = new Map<number, string | undefined>();

  constructor(sysfs: string) {
    this.#sysfs = sysfs;
  }

  /** `sda` for the kernel's number of a disk; undefined when it is gone. */
  nameOf(device: number): string | undefined {
    if (!this.#names.has(device)) this.#names.set(device, this.#read(device));
    return this.#names.get(device);
  }

  /** `8:0` */
  numberOf(device: number): string {
    return `${device >>> MINOR_BITS}:${device & ((1 << MINOR_BITS) - 1)}`;
  }

  #read(device: number): string | undefined {
    try {
      return basename(readlinkSync(join(this.#sysfs, 'dev/block', this.numberOf(device))));
    } catch {
      return undefined;
    }
  }
}
