/** Where agents of a scenario pin, and how nothing of it is left. */
import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { isOnBpffs } from '../../src/kernel/bpffs.ts';
import { at } from '../../src/paths.ts';

const BPFFS = '/sys/fs/bpf';

/** A pin directory of a scenario's own; the BPF file system goes with it when the agent had to mount it. */
export class PinPlace implements Disposable {
  readonly directory: string = `${BPFFS}/huatuo_soak_${process.pid}`;
  readonly #wasMounted = isOnBpffs(BPFFS);

  unpin(): void {
    const command = [at('src/cli/huatuo.mjs'), 'unpin', this.directory];
    execFileSync(process.execPath, command, { stdio: 'pipe' });
  }

  [Symbol.dispose](): void {
    if (existsSync(this.directory)) this.unpin();
    if (!this.#wasMounted && isOnBpffs(BPFFS) && !hasPins(BPFFS)) execFileSync('umount', [BPFFS]);
  }
}

/** Unmounting takes every pin with it, also those of others. The kernel's own two files are none. */
function hasPins(mountPoint: string): boolean {
  return readdirSync(mountPoint).some((name) => name !== 'maps.debug' && name !== 'progs.debug');
}
