/** The jars of a server, from Maven Central through its ordinary client, kept in the user's cache. */
import { execFile } from 'node:child_process';
import { existsSync, globSync, mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { SERVERS, type ServerName } from './versions.ts';

const run = promisify(execFile);
const TIMEOUT_MS = 300_000;
const PLUGIN = 'plugin';

/**
 * @returns paths of every jar, transitive ones included
 * @throws when there is no Maven or it cannot download
 */
export async function ensureJars(name: ServerName): Promise<string[]> {
  const { product, version, jars } = SERVERS[name];
  const cache = join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'huatuo-test');
  const target = join(cache, `${product}-${version}`);
  if (!existsSync(target)) await download(jars, cache, target);
  const paths = jarsIn(join(target, 'lib'));
  if (paths.length === 0) throw new Error(`no jars in ${target}/lib`);
  // Of an artifact that both bring, the server's is the one it was made with.
  const known = new Set(paths.map(artifactOf));
  return [...paths, ...jarsIn(join(target, PLUGIN)).filter((path) => !known.has(artifactOf(path)))];
}

/** What a plugin's archive brings to be configured; undefined for servers without one. */
export function pluginConfig([jar = '']: readonly string[]): string | undefined {
  const path = join(dirname(jar), '..', PLUGIN, 'config');
  return existsSync(path) ? path : undefined;
}

function jarsIn(directory: string): string[] {
  return globSync('*.jar', { cwd: directory })
    .sort()
    .map((name) => join(directory, name));
}

function artifactOf(jar: string): string {
  return basename(jar).replace(/-\d.*$/, '');
}

/** Downloads beside the target and renames: a download that was cut off is not taken for a whole one. */
async function download(jars: readonly string[], cache: string, target: string): Promise<void> {
  mkdirSync(cache, { recursive: true });
  const scratch = mkdtempSync(join(cache, 'download-'));
  try {
    const pom = join(scratch, 'pom.xml');
    writeFileSync(pom, pomOf(jars));
    const args = ['-q', '-B', '-f', pom, 'dependency:copy-dependencies', '-DincludeScope=runtime'];
    await run('mvn', [...args, `-DoutputDirectory=${join(scratch, 'lib')}`], { timeout: TIMEOUT_MS });
    for (const archive of globSync(join(scratch, 'lib/*.zip'))) {
      await run('unzip', ['-q', archive, '-d', join(scratch, PLUGIN)]);
      rmSync(archive);
    }
    // Another test file may have been faster.
    if (!existsSync(target)) renameSync(scratch, target);
  } catch (error) {
    const { code, stdout = '' } = error as { code?: unknown; stdout?: string };
    if (code === 'ENOENT') throw new Error('mvn or unzip is not installed');
    throw new Error(`Maven could not download it: ${stdout.trim().split('\n')[0]}`);
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

function pomOf(jars: readonly string[]): string {
  const dependencies = jars.map((jar) => {
    const [group, artifact, version, type = 'jar'] = jar.split(':');
    return `<dependency><groupId>${group}</groupId><artifactId>${artifact}</artifactId><version>${version}</version><type>${type}</type></dependency>`;
  });
  return `<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion>
<groupId>huatuo.test</groupId><artifactId>servers</artifactId><version>1</version><packaging>pom</packaging>
<dependencies>${dependencies.join('\n')}</dependencies></project>
`;
}
