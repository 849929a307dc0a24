/** Whether a directory may be used for a journal: it is one, or it is empty. What belongs to others is never written to. */
import {
  accessSync,
  constants,
  existsSync,
  readdirSync,
  realpathSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { HuatuoError } from '../../error.ts';
import { isStream } from './losses.ts';

const MARKER = '.journal';
/** Part of an empty file system. */
const MADE_BY_MKFS = 'lost+found';
const MAX_NAMED = 3;

/** Directories that others fill, and those below which no data belongs. */
const SYSTEM =
  /^(?:\/(?:bin|boot|dev|etc|home|lib|lib32|lib64|libx32|media|opt|proc|root|run|sbin|srv|sys|tmp|usr|var))?$|^\/(?:boot|etc|proc|sys|usr)\/|^\/var\/(?:cache|lib|local|lock|log|mail|opt|run|spool|tmp)$/;

/** Whether the path is a directory of the system, or below one that is no place for data. */
export function isSystemDirectory(path: string): boolean {
  return SYSTEM.test(path.replace(/\/+$/, ''));
}

/** Says in a directory that it is a journal; without effect where nothing can be written. */
export function markJournal(directory: string): void {
  try {
    writeFileSync(join(directory, MARKER), 'HuaTuo journal\n', { flag: 'wx', mode: 0o600 });
  } catch {
    // It is there, or the first batch will meet what keeps it from being there.
  }
}

/**
 * Refuses a directory with other things in it than a journal. One that is missing, or cannot be listed, is not refused here.
 * @throws CONFIG_INVALID with what lies there and what to do
 */
export function requireOwnDirectory(directory: string): void {
  if (isSomethingElse(directory)) throw foreign(dirname(directory), `${directory}, which is no directory`);
  const entries = list(directory);
  const real = entries ? realpathSync(directory) : directory;
  if (isSystemDirectory(real)) throw foreign(directory, `${real}, a directory of the system`);
  if (!entries || existsSync(join(directory, MARKER))) return;
  const others = entries.filter((name) => !name.startsWith('.') && name !== MADE_BY_MKFS);
  if (others.some((name) => isStreamAt(join(directory, name))) || others.length === 0) return;
  const more = others.length > MAX_NAMED ? ` and ${others.length - MAX_NAMED} more` : '';
  const named = others.slice(0, MAX_NAMED).map((name) => JSON.stringify(name));
  throw foreign(directory, `${directory} with ${named.join(', ')}${more} in it`);
}

/** Why nothing can be written to a directory, or made where it is to be, at this moment; undefined when it can. */
export function whyNotWritable(directory: string): string | undefined {
  try {
    accessSync(directory, constants.W_OK);
    return undefined;
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code !== 'ENOENT' || dirname(directory) === directory) return message;
    return whyNotWritable(dirname(directory));
  }
}

function isSomethingElse(path: string): boolean {
  try {
    return !statSync(path).isDirectory();
  } catch {
    return false;
  }
}

function list(directory: string): string[] | undefined {
  try {
    return readdirSync(directory).sort();
  } catch {
    return undefined;
  }
}

function isStreamAt(path: string): boolean {
  try {
    return isStream(path);
  } catch {
    return false;
  }
}

/** @param beside where a directory of its own may be */
function foreign(beside: string, found: string): HuatuoError {
  return new HuatuoError('CONFIG_INVALID', {
    expected: 'an empty or new directory, or a journal, as journal.directory',
    found,
    remedy: `set journal.directory to one of its own, such as ${join(beside, 'huatuo')}`,
  });
}
