/** What the thread that knows the containers tells of itself, as metrics. */
import { counter, gauge, type OwnFamily } from '../../storage/prometheus/own-family.ts';
import type { ServiceReport } from './service.ts';

export function containerFamilies({ containers }: Pick<ServiceReport, 'containers'>): OwnFamily[] {
  if (!containers) return [];
  const { sources } = containers;
  const known = (['containers', 'units', 'gone'] as const).map((state) => ({
    labels: { state },
    value: containers[state],
  }));
  return [
    gauge(
      'huatuo_containers',
      'Containers that run, systemd units, and both that are gone and still known.',
      known,
    ),
    gauge(
      'huatuo_containers_traced',
      'Whether the kernel tells of new cgroups: 1 yes, 0 the tree is walked every 5 s.',
      [{ labels: {}, value: Number(containers.followed_by === 'tracepoints') }],
    ),
    counter(
      'huatuo_container_cgroups_refused_total',
      'Cgroups of containers and units that were not kept because there are too many.',
      [{ labels: {}, value: containers.refused_cgroups }],
    ),
    gauge('huatuo_units_with_series', 'Systemd units that run and have series of their own.', [
      { labels: {}, value: containers.units_with_series },
    ]),
    counter(
      'huatuo_units_refused_total',
      'Starts of systemd units that have no series because containers.units.max have.',
      [{ labels: {}, value: containers.refused_units }],
    ),
    counter('huatuo_container_questions_total', 'Cgroups that a thread asked for.', [
      { labels: {}, value: containers.questions },
    ]),
    counter(
      'huatuo_container_unknown_total',
      'Cgroups that were asked for and of which nothing tells whose they are; their documents say owner unknown.',
      [{ labels: {}, value: containers.unknown }],
    ),
    gauge(
      'huatuo_container_source_up',
      'Whether a source that describes containers answered last: 1 yes, 0 no. Absent ones are left out.',
      sources
        .filter(({ state }) => state === 'ok' || state === 'failed')
        .map(({ name, place, state }) => ({
          labels: { source: name, place },
          value: Number(state === 'ok'),
        })),
    ),
  ];
}
