/** The committed files that are made from manifests and descriptions. */

import type { CollectorDescription } from '../catalog/description.ts';
import { at, ROOT } from '../paths.ts';
import type { ObjectManifest } from '../schema/manifest.ts';
import { agentStructsSource } from './agent-structs.ts';
import { readCosts } from './costs.ts';
import { eventTypeSource } from './event-type.ts';
import { readIfThere, writeIfChanged } from './files.ts';
import { mappingSource } from './mapping.ts';
import { metricNamesSource } from './metric-names.ts';
import { collectorSources, withSummary } from './overview.ts';
import { referenceSource } from './reference.ts';

/** Paths, relative to the checkout, and texts. */
type GeneratedFiles = ReadonlyMap<string, string>;

/** What modules are compiled against. */
export function bindingFiles(manifests: readonly ObjectManifest[]): GeneratedFiles {
  return new Map(
    manifests.map((manifest) => [`src/generated/${manifest.collector}.ts`, eventTypeSource(manifest)]),
  );
}

/** What the agent reads maps of its own programs by. @param objects directory of the built objects */
export function agentFiles(objects: string): GeneratedFiles {
  return new Map([['src/generated/agent_structs.ts', agentStructsSource(objects)]]);
}

/** What is made of both, the structs in C and the declarations of the compiled modules. */
export function schemaFiles(
  manifests: readonly ObjectManifest[],
  descriptions: ReadonlyMap<string, CollectorDescription>,
): GeneratedFiles {
  const files = new Map([
    ['src/collectors/README.md', referenceSource(manifests, descriptions, readCosts())],
    ['docs/metrics.md', metricNamesSource(collectorSources(manifests, descriptions))],
    ['README.md', withSummary(readIfThere(at('README.md')) ?? '', collectorSources(manifests, descriptions))],
  ]);
  const events = new Map(manifests.map(({ collector, event }) => [collector, event]));
  for (const collector of new Set([...events.keys(), ...descriptions.keys()])) {
    const [event, declared] = [events.get(collector), descriptions.get(collector)?.document];
    if (event || declared)
      files.set(`src/generated/${collector}.mapping.json`, mappingSource(collector, event, declared));
  }
  return files;
}

/** @returns the paths that did not have these contents yet */
export function writeGenerated(files: GeneratedFiles): string[] {
  return [...files].filter(([path, text]) => writeIfChanged(`${ROOT}/${path}`, text)).map(([path]) => path);
}
