/** Thread of the Prometheus actor: answers the supervisor on `control`, and asks it there. */
import { expose, wrap } from '../src/actor/rpc.ts';
import { startServiceThread } from '../src/actor/service-thread.ts';
import { Prometheus, type PrometheusOptions, type SupervisorApi } from '../src/web/actor.ts';

const { options, control, log } = startServiceThread<PrometheusOptions>();
expose(new Prometheus(options, wrap<SupervisorApi>(control), log), control);
