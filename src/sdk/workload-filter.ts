/** Which containers and systemd units an autotracer looks at: two options, the same in all of them. */
import { type Container, isContainer, type Unit } from './container.ts';
import { type NameFilterOptions, nameFilter } from './name-filter.ts';
import { pattern, type TextOption } from './options.ts';

export const WORKLOAD_FILTER: { readonly include: TextOption; readonly exclude: TextOption } = {
  include: pattern(
    '',
    'Containers of which this matches the whole namespace, host name, name or QoS, and systemd units (those of containers.units) of which it matches the whole name; empty: all',
  ),
  exclude: pattern('', 'Of them, not those of which this matches one of these; empty: none left out'),
};

/** @param options as they were checked at the start */
export function workloadFilter({
  include,
  exclude,
}: NameFilterOptions): (workload: Container | Unit) => boolean {
  const isIncluded = nameFilter({ include, exclude: '' });
  const isExcluded = exclude === '' ? () => false : nameFilter({ include: exclude, exclude: '' });
  return (workload) => {
    const names = namesOf(workload);
    return names.some(isIncluded) && !names.some(isExcluded);
  };
}

function namesOf(workload: Container | Unit): readonly string[] {
  if (!isContainer(workload)) return [workload.id];
  const { hostNamespace, hostname, name, qos } = workload;
  return [hostNamespace, hostname, name, qos];
}
