/** Container runtimes and engines of this machine, as node:test's `skip` takes them. */
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';

/** Its path; undefined when it is not installed. */
export function findProgram(name: string): string | undefined {
  // Daemons are in the sbin directories, which the PATH of a test need not have.
  const directories = [...(process.env.PATH ?? '').split(delimiter), '/usr/local/sbin', '/usr/sbin', '/sbin'];
  return directories.map((directory) => join(directory, name)).find(isExecutable);
}

/** @returns the reason that is printed, or false when root can start containers with all of these programs */
export function skipWithoutPrograms(...programs: readonly string[]): string | false {
  if (process.geteuid?.() !== 0) return 'containers need root';
  const missing = programs.filter((name) => !findProgram(name));
  return missing.length > 0 && `not installed: ${missing.join(', ')}`;
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
