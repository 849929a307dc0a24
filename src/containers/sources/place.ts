/** Where there may be somebody to ask, and whether there is. */
import { type Stats, statSync } from 'node:fs';

export function isSocket(path: string): boolean {
  return look(path)?.isSocket() ?? false;
}

export function isDirectory(path: string): boolean {
  return look(path)?.isDirectory() ?? false;
}

/** A URL as people may see it: without the user and password that somebody may have written into it. */
export function urlPlace(url: string): string {
  if (!URL.canParse(url)) return 'not a URL';
  const { protocol, host, pathname } = new URL(url);
  return `${protocol}//${host}${pathname.replace(/\/+$/, '')}`;
}

/** Whatever is in the way of looking, the source cannot be asked there. */
function look(path: string): Stats | undefined {
  try {
    return statSync(path, { throwIfNoEntry: false });
  } catch {
    return undefined;
  }
}
