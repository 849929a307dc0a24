/** The Prometheus actor: scrapes collectors, runs those over files, and serves the agent's pages. */
import type { ContainersControl } from '../../containers/actor.ts';
import { NETLINK_REQUESTS } from '../../kernel/netlink-requests.ts';
import { PoolNetlink } from '../../kernel/pool-netlink.ts';
import { version } from '../../version.ts';
import type { PrometheusControl, PrometheusOptions, SupervisorApi } from '../../web/actor.ts';
import { mapReads } from './map-reads.ts';
import type { ServiceHost, ServiceSpec } from './service.ts';

export function prometheus(host: ServiceHost): ServiceSpec<PrometheusControl> {
  const netlink = new PoolNetlink(NETLINK_REQUESTS);
  return {
    name: 'prometheus',
    // A scrape leaves a megabyte of garbage. In 2 MB most of it gets old, and to collect that takes a third of the thread's time.
    limits: { maxYoungGenerationSizeMb: 8 },
    role: 'storage',
    stopShare: 0.1,
    required: true,
    collectors: true,
    uses: ['containers'],
    options: ({ web, path: { procfs, sysfs }, log, journal, containers }): PrometheusOptions => ({
      version,
      web,
      paths: { procfs, sysfs },
      log,
      journal: journal.directory,
      containerWait_ms: containers.wait_ms,
      containerKeepGone_ms: containers.keep_gone_ms,
    }),
    serve: {
      status: () => host.status(),
      families: (isDetailed, known) => host.families(isDetailed, known),
      // Bounded by whoever asks for it; a thread that is down has nothing to tell.
      containers: async () => host.control<ContainersControl>('containers').document(),
      answerNetlink: async (port) => netlink.answer(port),
      ...mapReads(host),
    } satisfies SupervisorApi,
    works: (control) => control.listening(),
    report: async (control) => ({ pooled: await control.pooled() }),
    configure: async (control) => {
      const { region, hostname, followsHostname } = host.config();
      await control.setLabels({ region, host: hostname }, followsHostname);
      await control.setPool(host.pooled());
      await control.setMapped(host.mapped());
    },
    release: () => netlink[Symbol.dispose](),
  };
}
