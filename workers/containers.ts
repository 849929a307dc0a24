/** Thread that knows the containers: answers its readers on their ports and the supervisor on `control`. */
import type { KernelCalls } from '../src/actor/kernel-calls.ts';
import { expose, type Promised, wrap } from '../src/actor/rpc.ts';
import { startServiceThread } from '../src/actor/service-thread.ts';
import { ContainersActor, type ContainersControl, type ContainersOptions } from '../src/containers/actor.ts';
import { openFeed } from '../src/containers/feed.ts';

const { options, control, log } = startServiceThread<ContainersOptions>();
const opening = openFeed(wrap<KernelCalls>(control), options.feed?.layout, log).then(
  (feed) => new ContainersActor(options, log, feed),
);
// Exposed before the first answer of the kernel arrives: the supervisor's calls come on the same port, and wait.
expose(
  {
    connect: async (reader, port) => (await opening).connect(reader, port),
    forget: async (reader) => (await opening).forget(reader),
    status: async () => (await opening).status(),
    document: async () => (await opening).document(),
    close: async () => (await opening).close(),
  } satisfies Promised<ContainersControl>,
  control,
);
await opening;
