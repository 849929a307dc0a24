/** The committed files that are made from manifests. */

import { ROOT } from '../paths.ts';
import type { ObjectManifest } from '../schema/manifest.ts';
import { eventTypeSource } from './event-type.ts';
import { writeIfChanged } from './files.ts';
import { mappingSource } from './mapping.ts';
import { referenceSource } from './reference.ts';

/** Paths, relative to the checkout, and texts. */
export function generatedFiles(manifests: readonly ObjectManifest[]): ReadonlyMap<string, string> {
  const files = new Map([['src/collectors/README.md', referenceSource(manifests)]]);
  for (const manifest of manifests) {
    const { collector, event } = manifest;
    files.set(`src/generated/${collector}.ts`, eventTypeSource(manifest));
    if (event) files.set(`src/generated/${collector}.mapping.json`, mappingSource(collector, event));
  }
  return files;
}

/** @returns the paths that did not have these contents yet */
export function writeGenerated(manifests: readonly ObjectManifest[]): string[] {
  const files = [...generatedFiles(manifests)];
  return files.filter(([path, text]) => writeIfChanged(`${ROOT}/${path}`, text)).map(([path]) => path);
}
