/** Directories below a journal's, one for each tracer. */
import { readdirSync } from 'node:fs';

/** Names a tracer can have. Names that begin with a dot are the agent's own files. */
export const TRACER_NAME: RegExp = /^[a-z0-9_]{1,64}$/;

/**
 * @returns names of directories that can be tracers'; none where there is no journal
 * @throws the errno's error
 */
export function tracersIn(directory: string): string[] {
  try {
    return readdirSync(directory, { withFileTypes: true })
      .filter((entry) => entry.isDirectory() && TRACER_NAME.test(entry.name))
      .map(({ name }) => name);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}
