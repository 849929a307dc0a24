/** Thread of the Elasticsearch actor: answers the supervisor on `control`, and asks it there. */
import { expose, wrap } from '../src/actor/rpc.ts';
import { startServiceThread } from '../src/actor/service-thread.ts';
import {
  ElasticsearchActor,
  type ElasticsearchHost,
  type ElasticsearchOptions,
} from '../src/storage/elasticsearch/actor.ts';

const { options, control, log } = startServiceThread<ElasticsearchOptions>();
expose(new ElasticsearchActor(options, wrap<ElasticsearchHost>(control), log), control);
