/** Which containers an autotracer looks at: two options, the same in all of them. */
import type { Container } from './container.ts';
import { type NameFilterOptions, nameFilter } from './name-filter.ts';
import { pattern, type TextOption } from './options.ts';

const NAMES = 'namespace, host name, name or QoS';

export const CONTAINER_FILTER: { readonly include: TextOption; readonly exclude: TextOption } = {
  include: pattern('', `Containers of which this matches the whole ${NAMES}; empty: all`),
  exclude: pattern('', `Of them, not those of which this matches the whole ${NAMES}; empty: none left out`),
};

/** @param options as they were checked at the start */
export function containerFilter({ include, exclude }: NameFilterOptions): (container: Container) => boolean {
  const isIncluded = nameFilter({ include, exclude: '' });
  const isExcluded = exclude === '' ? () => false : nameFilter({ include: exclude, exclude: '' });
  return ({ hostNamespace, hostname, name, qos }) => {
    const names = [hostNamespace, hostname, name, qos];
    return names.some(isIncluded) && !names.some(isExcluded);
  };
}
