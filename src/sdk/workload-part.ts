/**
 * A metric with `WORKLOAD_LABELS` is two families, and its labels say which one a series is of:
 *
 *   usage: gauge({ name: 'huatuo_container_memory_usage_bytes', labels: WORKLOAD_LABELS, help: 'Memory charged to the container.' })
 *     set(7, workloadLabels(web))   ──►  huatuo_container_memory_usage_bytes{container_name="web",…} 7
 *     set(9, workloadLabels(nginx))      ──►  huatuo_unit_memory_usage_bytes{systemd_unit="nginx.service"} 9
 *
 * Not one family of both: a sum over containers would count what docker.service uses twice, and each query for containers would
 * have to leave out series whose labels of containers are empty.
 */
import { createPart, type Groups, type Part } from './instrument-kinds.ts';
import { invalidMetric } from './instrument-names.ts';
import { Keeper } from './keeper.ts';
import type { KeptSeries } from './kept-series.ts';
import { CONTAINER_LABELS, type InstrumentSpec, WORKLOAD_LABELS } from './metrics.ts';
import type { SeriesBudget } from './series.ts';

const UNIT_LABEL = 'systemd_unit';
const CONTAINER_WORD = 'container';
const UNIT_WORD = 'unit';

/** Whether it is of containers and units. */
export function isOfWorkloads({ labels }: Pick<InstrumentSpec, 'labels'>): boolean {
  return labels.includes(UNIT_LABEL);
}

/**
 * The name of the family of units. One that does not speak of containers gets the word behind its namespace:
 * `mine_waits_total` and `mine_unit_waits_total`.
 */
function unitFamily(name: string): string {
  return name.includes(CONTAINER_WORD) ? ofUnits(name) : name.replace('_', `_${UNIT_WORD}_`);
}

function ofUnits(text: string): string {
  return text.replaceAll(CONTAINER_WORD, UNIT_WORD);
}

/**
 * @param key under which the collector declares it
 * @param name of the family of containers
 * @throws COLLECTOR_INVALID when labels of a container are missing
 */
export function createWorkloadPart(
  key: string,
  name: string,
  spec: InstrumentSpec,
  budget: SeriesBudget,
  kept: KeptSeries | undefined,
): Part {
  const { labels, help } = spec;
  if (!WORKLOAD_LABELS.every((label) => labels.includes(label)))
    throw invalidMetric(
      name,
      'all of WORKLOAD_LABELS',
      JSON.stringify(labels),
      'spread WORKLOAD_LABELS into labels, or CONTAINER_LABELS for containers alone',
    );
  const isContainerLabel = (label: string) => CONTAINER_LABELS.some((one) => one === label);
  const ofContainers = { ...spec, labels: labels.filter((label) => label !== UNIT_LABEL) };
  const units = { ...spec, help: ofUnits(help), labels: labels.filter((label) => !isContainerLabel(label)) };
  const parts: readonly [Part, Part] = [
    createPart(name, ofContainers, budget, kept && new Keeper(key, ofContainers, kept)),
    createPart(unitFamily(name), units, budget, kept && new Keeper(`${key} of units`, units, kept)),
  ];
  return joined(parts);
}

type Method = (...args: readonly unknown[]) => unknown;
type Labelled = Readonly<Record<string, string>> | undefined;

function joined(parts: readonly [Part, Part]): Part {
  const [container, unit] = parts;
  const methods = ({ instrument }: Part) => instrument as Readonly<Record<string, Method>>;
  // Labels are the last argument of each.
  const route =
    (method: string): Method =>
    (...args) =>
      methods((args.at(-1) as Labelled)?.[UNIT_LABEL] ? unit : container)[method]?.(...args);
  let last: readonly [Groups, Groups] | undefined;
  let groups: Groups = [];
  return {
    instrument: {
      add: route('add'),
      set: route('set'),
      observe: route('observe'),
      entries: () => parts.flatMap((part) => methods(part).entries?.()),
      clear() {
        for (const part of parts) methods(part).clear?.();
      },
    },
    forget(isOver) {
      for (const part of parts) part.forget(isOver);
    },
    restart() {
      for (const part of parts) part.restart();
    },
    groups() {
      const now = [container.groups(), unit.groups()] as const;
      if (last?.[0] !== now[0] || last[1] !== now[1]) groups = now.flat();
      last = now;
      return groups;
    },
    valueCount: () => container.valueCount() + unit.valueCount(),
    write: (values, at) => unit.write(values, container.write(values, at)),
  };
}
