/** Compiled module -> `<name>.description.json` beside it, so that the agent need not run a module to know it. */
import { basename } from 'node:path';
import { ContentsReader } from '../catalog/contents.ts';
import { describeModule, descriptionPath } from '../catalog/describe-module.ts';
import {
  type CollectorDescription,
  DESCRIPTION_FORMAT,
  type StoredDescription,
} from '../catalog/description.ts';
import { HuatuoError } from '../error.ts';
import { readIfThere, removeOrphans, writeIfChanged } from './files.ts';

interface DescribedModules {
  /** By collector. */
  readonly descriptions: ReadonlyMap<string, CollectorDescription>;
  /** Collectors whose description was made anew. */
  readonly rewritten: readonly string[];
  readonly failures: readonly HuatuoError[];
}

/**
 * Describes the collectors' modules of one directory.
 * @param modules absolute paths of `<name>.js`
 */
export async function writeDescriptions(
  directory: string,
  modules: readonly string[],
): Promise<DescribedModules> {
  const reader = new ContentsReader();
  const descriptions = new Map<string, CollectorDescription>();
  const rewritten: string[] = [];
  const failures: HuatuoError[] = [];
  for (const module of modules) {
    const name = basename(module, '.js');
    try {
      const description = await describeModule(module, reader);
      const contents = reader.module(module);
      const stored: StoredDescription = { format: DESCRIPTION_FORMAT, contents, description };
      if (writeIfChanged(descriptionPath(module), `${JSON.stringify(stored, null, 1)}\n`))
        rewritten.push(name);
      descriptions.set(name, description);
    } catch (error) {
      failures.push(HuatuoError.from(error, 'BUILD_FAILED', `correct ${module}`));
    }
  }
  removeOrphans(directory, '.description.json', new Set(descriptions.keys()));
  return { descriptions, rewritten, failures };
}

/** Of a built collector; undefined when it has no module. */
export function readDescription(path: string): CollectorDescription | undefined {
  const text = readIfThere(path);
  return text === undefined ? undefined : (JSON.parse(text) as StoredDescription).description;
}
