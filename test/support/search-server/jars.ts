/** The jars of a server, from Maven Central through its ordinary client, kept in the user's cache. */
import { execFile } from 'node:child_process';
import { existsSync, globSync, mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { SERVERS, type ServerName } from './versions.ts';

const run = promisify(execFile);
const TIMEOUT_MS = 300_000;

/**
 * @returns paths of every jar, transitive ones included
 * @throws when there is no Maven or it cannot download
 */
export async function ensureJars(name: ServerName): Promise<string[]> {
  const { product, version, jars } = SERVERS[name];
  const cache = join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'huatuo-test');
  const target = join(cache, `${product}-${version}`);
  if (!existsSync(target)) await download(jars, cache, target);
  const paths = globSync('*.jar', { cwd: join(target, 'lib') }).sort();
  if (paths.length === 0) throw new Error(`no jars in ${target}/lib`);
  return paths.map((path) => join(target, 'lib', path));
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
    // Another test file may have been faster.
    if (!existsSync(target)) renameSync(scratch, target);
  } catch (error) {
    const { code, stdout = '' } = error as { code?: unknown; stdout?: string };
    if (code === 'ENOENT') throw new Error('no Maven: mvn is not installed');
    throw new Error(`Maven could not download it: ${stdout.trim().split('\n')[0]}`);
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

function pomOf(jars: readonly string[]): string {
  const dependencies = jars.map((jar) => {
    const [group, artifact, version] = jar.split(':');
    return `<dependency><groupId>${group}</groupId><artifactId>${artifact}</artifactId><version>${version}</version></dependency>`;
  });
  return `<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion>
<groupId>huatuo.test</groupId><artifactId>servers</artifactId><version>1</version><packaging>pom</packaging>
<dependencies>${dependencies.join('\n')}</dependencies></project>
`;
}
