/** Where things are in the checkout; the same whether this file runs from `src` or from `dist/src`. */
import { findPackageJSON } from 'node:module';
import { dirname, join } from 'node:path';

export const ROOT: string = dirname(findPackageJSON(import.meta.url) ?? process.cwd());

export const at = (...parts: readonly string[]): string => join(ROOT, ...parts);
