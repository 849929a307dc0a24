/** The Elasticsearch actor: ships what is in the journal. The agent starts, collects and stops without any server. */
import type {
  ElasticsearchControl,
  ElasticsearchHost,
  ElasticsearchOptions,
} from '../../storage/elasticsearch/actor.ts';
import { mappingDirectories } from '../../storage/elasticsearch/config.ts';
import type { JournalControl } from '../../storage/journal/actor.ts';
import { elasticsearchFamilies } from './elasticsearch-metrics.ts';
import type { ServiceHost, ServiceSpec } from './service.ts';

export function elasticsearch(host: ServiceHost): ServiceSpec<ElasticsearchControl> {
  return {
    name: 'elasticsearch',
    role: 'storage',
    stopShare: 0.2,
    enabled: ({ elasticsearch }) => elasticsearch.hosts.length > 0,
    required: false,
    uses: ['journal'],
    options: ({ elasticsearch, journal, path }): ElasticsearchOptions => ({
      config: { ...elasticsearch, mappings: mappingDirectories(path.collectors) },
      journal: journal.directory,
    }),
    serve: {
      async sequences() {
        const { tracers } = await host.control<JournalControl>('journal').status();
        return Object.fromEntries(
          Object.entries(tracers).map(([tracer, { sequence }]) => [tracer, sequence]),
        );
      },
    } satisfies ElasticsearchHost,
    works: (control) => control.started(),
    report: async (control) => ({ elasticsearch: await control.status() }),
    trouble: ({ elasticsearch }) =>
      elasticsearch?.error && {
        ...elasticsearch.error,
        message: `${elasticsearch.state}: ${elasticsearch.error.message}`,
      },
    families: ({ elasticsearch }) => elasticsearchFamilies(elasticsearch),
  };
}
