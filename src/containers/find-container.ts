/** The one container that is meant by what is typed. */
import { HuatuoError } from '../error.ts';
import { printable } from '../text.ts';
import type { ContainerEntry } from './document.ts';

/**
 * @param wanted its name, host name, pod or id, or the beginning of its id; a container that is called so comes before others whose ids
 * begin so
 * @throws HuatuoError USAGE when there is none, or more than one
 */
export function findContainer(wanted: string, containers: readonly ContainerEntry[]): ContainerEntry {
  const called = containers.filter(({ id, name, hostname, podName }) =>
    [id, name, hostname, podName].includes(wanted),
  );
  const found = called.length > 0 ? called : containers.filter(({ id }) => id.startsWith(wanted));
  const [one] = found;
  if (one && found.length === 1) return one;
  const names = found.map(({ name, id }) => `${name} (${id.slice(0, 12)})`).join(', ');
  throw new HuatuoError('USAGE', {
    expected: '--container with the name, host name, pod or the beginning of the id of one container',
    found: printable(found.length === 0 ? `none called ${wanted}` : `${found.length}: ${names}`),
    remedy: 'see huatuo containers',
  });
}
