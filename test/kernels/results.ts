/** What runs have found out so far, a file for each boot: a run that is ended early leaves what it has, and the next one goes on. */
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { HIERARCHIES, parseBoot } from './boots.ts';
import type { BootReport, Told } from './report.ts';

export class Results {
  readonly #directory: string;

  constructor(cache: string) {
    this.#directory = join(cache, 'results');
    mkdirSync(this.#directory, { recursive: true });
  }

  /** @returns undefined for a boot that was not tried */
  of(boot: string): BootReport | undefined {
    return this.#read(boot);
  }

  /** Parts that need not be run again. */
  parts(boot: string): readonly string[] {
    return this.#read(boot)?.parts ?? [];
  }

  /** Takes up a line of the guest's; what was known under that name gives way. */
  add(boot: string, told: Told): void {
    const known = this.#known(boot);
    if ('guest' in told) this.#write(boot, { ...known, ...told.guest });
    else {
      const { table, name, finding } = told;
      this.#write(boot, { ...known, [table]: { ...known[table], [name]: finding } });
    }
  }

  ended(boot: string, part: string): void {
    const known = this.#known(boot);
    this.#write(boot, { ...known, parts: [...new Set([...known.parts, part])] });
  }

  /** Forgets a boot, so that what is known of it is of one run. */
  restart(boot: string): void {
    rmSync(this.#path(boot), { force: true });
  }

  #known(boot: string): BootReport {
    const hierarchy = HIERARCHIES[parseBoot(boot).hierarchy].title;
    return (
      this.#read(boot) ?? { kernel: boot, systemd: '', hierarchy, service: {}, collectors: {}, parts: [] }
    );
  }

  #read(boot: string): BootReport | undefined {
    const path = this.#path(boot);
    return existsSync(path) ? (JSON.parse(readFileSync(path, 'utf8')) as BootReport) : undefined;
  }

  #write(boot: string, known: BootReport): void {
    const path = this.#path(boot);
    writeFileSync(`${path}.new`, JSON.stringify(known, undefined, 2));
    renameSync(`${path}.new`, path);
  }

  #path(boot: string): string {
    return join(this.#directory, `${boot}.json`);
  }
}
