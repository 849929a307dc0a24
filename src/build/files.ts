/** Small file helpers of the build. Several builds may run at once, so nothing is ever seen half written. */
import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** SHA-256 over the contents of files, each with its length, so that no two lists give the same text. */
export function hashFiles(paths: readonly string[], ...texts: readonly string[]): string {
  const hash = createHash('sha256');
  for (const text of [...texts, ...paths.map((path) => readFileSync(path, 'utf8'))]) {
    hash.update(`${text.length}:`).update(text);
  }
  return hash.digest('hex');
}

/** @returns true when the file did not have these contents yet */
export function writeIfChanged(path: string, contents: string | Buffer): boolean {
  const wanted = Buffer.from(contents);
  if (readBytes(path)?.equals(wanted)) return false;
  mkdirSync(dirname(path), { recursive: true });
  const unfinished = `${path}.${process.pid}`;
  writeFileSync(unfinished, wanted);
  renameSync(unfinished, path);
  return true;
}

/** Text of a file, or undefined when it is missing or unreadable: it is made again then. */
export function readIfThere(path: string): string | undefined {
  return readBytes(path)?.toString('utf8');
}

function readBytes(path: string): Buffer | undefined {
  try {
    return readFileSync(path);
  } catch {
    return undefined;
  }
}

/** Paths of a directory's files with one of these endings, sorted; none when the directory is not there. */
export function filesIn(directory: string, ...endings: readonly string[]): string[] {
  try {
    const names = readdirSync(directory).filter((name) => endings.some((ending) => name.endsWith(ending)));
    return names.sort().map((name) => join(directory, name));
  } catch {
    return [];
  }
}

/**
 * Removes made files whose source is gone: a manifest left behind would be a collector to the agent.
 * @param made file names without their ending that belong there
 */
export function removeOrphans(directory: string, ending: string, made: ReadonlySet<string>): void {
  for (const path of filesIn(directory, ending)) {
    if (!made.has(path.slice(directory.length + 1, -ending.length))) rmSync(path, { force: true });
  }
}
