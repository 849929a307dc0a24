/** Whether there is somebody to ask. */
import { type Stats, statSync } from 'node:fs';

export function isSocket(path: string): boolean {
  return look(path)?.isSocket() ?? false;
}

export function isDirectory(path: string): boolean {
  return look(path)?.isDirectory() ?? false;
}

/** Whatever is in the way of looking, the source cannot be asked there. */
function look(path: string): Stats | undefined {
  try {
    return statSync(path, { throwIfNoEntry: false });
  } catch {
    return undefined;
  }
}
