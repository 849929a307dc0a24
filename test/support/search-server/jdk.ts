/** JDKs as Linux distributions install them. */
import { globSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** @returns path of the `java` of the oldest JDK that will do */
export function findJdk(min: number, max: number = Number.POSITIVE_INFINITY): string | undefined {
  const found = globSync('/usr/lib/jvm/*/release').flatMap((path) => {
    const major = Number(/^JAVA_VERSION="(\d+)/m.exec(readFileSync(path, 'utf8'))?.[1]);
    return major >= min && major <= max ? [{ major, java: join(dirname(path), 'bin/java') }] : [];
  });
  return found.sort((a, b) => a.major - b.major)[0]?.java;
}
