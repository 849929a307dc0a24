/** One reading of each container. */
import type { Container } from './container.ts';
import type { SampleContext } from './context.ts';

/**
 * @param read undefined for a container that is gone or has no such files; one that it throws for is left out and logged, and
 * costs the others nothing
 */
export function perContainer<T>(
  { containers, log }: Pick<SampleContext<unknown>, 'containers' | 'log'>,
  read: (container: Container) => T | undefined,
): [Container, T][] {
  return containers.list().flatMap((container): [Container, T][] => {
    try {
      const value = read(container);
      return value === undefined ? [] : [[container, value]];
    } catch (error) {
      log.warn('a container could not be read', { container: container.id, error });
      return [];
    }
  });
}
