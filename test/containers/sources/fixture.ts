import { readFileSync } from 'node:fs';

/** Text of a file in test/fixtures/containers. */
export function fixture(name: string): string {
  return readFileSync(new URL(`../../../../test/fixtures/containers/${name}`, import.meta.url), 'utf8');
}
