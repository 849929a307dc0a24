/** Process of the shipper that is measured: one actor on a journal, until it is told to end. */
import { ElasticsearchActor, type ElasticsearchOptions } from '../../src/storage/elasticsearch/actor.ts';

const ignore = (): void => undefined;
const options = JSON.parse(process.argv[2] ?? '{}') as ElasticsearchOptions;
const actor = new ElasticsearchActor(
  options,
  { sequences: async () => ({}) },
  { debug: ignore, info: ignore, warn: ignore, error: ignore },
);
process.on('message', async (message) => {
  if (message === 'status') process.send?.(await actor.status());
});
process.on('disconnect', () => process.exit());
