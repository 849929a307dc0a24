/** The agent's version, from package.json. */
import { readFileSync } from 'node:fs';
import { at } from './paths.ts';

const manifest = JSON.parse(readFileSync(at('package.json'), 'utf8')) as {
  version: string;
};

export const version: string = manifest.version;
