/** The thread that knows the containers, and the programs that tell it of cgroups (bpf/agent/cgroups.bpf.c). */
import { RingWakes } from '../../actor/ring-wakes.ts';
import type { ContainersControl, ContainersOptions } from '../../containers/actor.ts';
import { agentObject } from '../../kernel/agent-object.ts';
import { KernelOwner } from '../../kernel/object-owner.ts';
import { at } from '../../paths.ts';
import type { ObjectManifest } from '../../schema/manifest.ts';
import { wakeReader } from '../wake-reader.ts';
import { containerFamilies } from './containers-metrics.ts';
import type { ServiceHost, ServiceSpec } from './service.ts';

/** What the build has made. The manifest lies beside the object; what of it matters is checked against that. */
export function cgroupsObject(): {
  readonly manifest: ObjectManifest;
  readonly objectPath: string;
  readonly wasmPath: string;
  readonly options: Readonly<Record<string, bigint>>;
} {
  return { ...agentObject('cgroups'), wasmPath: at('dist/agent/cgroups.wasm'), options: {} };
}

export function containers(host: ServiceHost): ServiceSpec<ContainersControl> {
  const object = cgroupsObject();
  const wakes = RingWakes.allocate();
  const source = {
    ...object,
    get paths() {
      return host.config().path;
    },
  };
  const kernel = new KernelOwner(source, (loaded) => wakeReader(host.rings, loaded, wakes));
  return {
    name: 'containers',
    role: 'containers',
    stopShare: 0.05,
    // Without it documents have a cgroup id instead of an owner.
    required: false,
    collectors: true,
    options: ({ containers: config, path: { procfs, sysfs } }): ContainersOptions => ({
      config,
      paths: { procfs, sysfs },
      ...(object.manifest.event && { feed: { layout: object.manifest.event, wakes } }),
    }),
    serve: kernel.calls,
    works: (control) => control.status(),
    report: async (control) => ({ containers: await control.status() }),
    families: containerFamilies,
    release: () => kernel.release(),
  };
}
