/** Debian's kernels, fetched with apt from lists of their own: nothing of this machine's configuration is read or changed. */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const SUITES = ['bullseye', 'bookworm', 'bookworm-backports', 'trixie', 'trixie-backports'];
const SECURITY = ['bullseye', 'bookworm', 'trixie'];
const KEYRING = '/usr/share/keyrings/debian-archive-keyring.gpg';

export class KernelArchive {
  readonly #cache: string;
  readonly #mirror: string;

  /** @param mirror URL of Debian's archive; that of security updates is beside it */
  constructor(cache: string, mirror: string) {
    this.#cache = cache;
    this.#mirror = mirror;
  }

  /**
   * @param wanted a release (`6.1`) or a whole version (`6.1.0-56-cloud-amd64`)
   * @returns the whole version: one that is here already, else the newest of the release
   */
  resolve(wanted: string): string {
    const matches = (version: string): boolean => version === wanted || version.startsWith(`${wanted}.`);
    const kernels = join(this.#cache, 'k');
    const here = existsSync(kernels) ? readdirSync(kernels).filter(matches) : [];
    const found = here.length > 0 ? here : this.#search().filter(matches);
    const newest = found.sort((a, b) => a.localeCompare(b, 'en', { numeric: true })).at(-1);
    if (newest === undefined)
      throw new Error(`expected a kernel ${wanted} in ${SUITES.join(', ')}, found none`);
    return newest;
  }

  /** Unpacks the packages of a kernel. @returns the directory that is their root */
  unpack(version: string): string {
    const root = join(this.#cache, 'k', version, 'x');
    if (existsSync(root)) return root;
    const packages = join(this.#cache, 'debs');
    mkdirSync(packages, { recursive: true });
    for (const name of this.#packagesOf(version)) {
      const find = (): string | undefined =>
        readdirSync(packages).find((file) => file.startsWith(`${name}_`));
      if (!find()) this.#apt('apt-get', ['download', name], packages);
      mkdirSync(root, { recursive: true });
      execFileSync('dpkg', ['-x', join(packages, find()!), root]);
    }
    return root;
  }

  /** From 7.x on, linux-image is empty and depends on others. */
  #packagesOf(version: string): string[] {
    const parts = [`linux-binary-${version}`, `linux-modules-${version}`, `linux-base-${version}`];
    return this.#known(parts[0]!) ? parts : [`linux-image-${version}`];
  }

  #known(name: string): boolean {
    const packages = join(this.#cache, 'debs');
    if (existsSync(packages) && readdirSync(packages).some((file) => file.startsWith(`${name}_`)))
      return true;
    if (existsSync(packages) && readdirSync(packages).some((file) => file.includes(name.slice(13))))
      return false;
    return this.#apt('apt-cache', ['search', '--names-only', `^${name.replaceAll('+', '[+]')}$`]) !== '';
  }

  #search(): string[] {
    const lines = this.#apt('apt-cache', ['search', '--names-only', '^linux-image-[0-9].*cloud-amd64$']);
    return [...lines.matchAll(/^linux-image-(\S+)/gm)].map(([, version = '']) => version);
  }

  #apt(program: string, parameters: readonly string[], cwd = this.#cache): string {
    const apt = join(this.#cache, 'apt');
    const lists = join(apt, 'lists');
    mkdirSync(join(lists, 'partial'), { recursive: true });
    mkdirSync(join(apt, 'cache/archives/partial'), { recursive: true });
    const sources = join(apt, 'all.list');
    const options = [
      `Dir::Etc::sourcelist=${sources}`,
      'Dir::Etc::sourceparts=/dev/null',
      `Dir::State::lists=${lists}`,
      `Dir::Cache=${join(apt, 'cache')}`,
      'APT::Sandbox::User=root',
    ].flatMap((option) => ['-o', option]);
    if (!existsSync(sources)) {
      writeFileSync(sources, this.#sources());
      execFileSync('apt-get', [...options, 'update'], { stdio: ['ignore', 'ignore', 'inherit'] });
    }
    return execFileSync(program, [...options, ...parameters], { cwd, encoding: 'utf8' });
  }

  #sources(): string {
    const line = (mirror: string, suite: string): string =>
      `deb [signed-by=${KEYRING}] ${mirror} ${suite} main\n`;
    return [
      ...SUITES.map((suite) => line(this.#mirror, suite)),
      ...SECURITY.map((suite) => line(`${this.#mirror}-security`, `${suite}-security`)),
    ].join('');
  }
}
