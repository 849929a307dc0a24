/** What a module says about its collector, without running it here. */
import { readFileSync } from 'node:fs';
import { askModule } from './ask-module.ts';
import type { ContentsReader } from './contents.ts';
import { type CollectorDescription, DESCRIPTION_FORMAT, type StoredDescription } from './description.ts';
import { describeFault, invalid } from './faults.ts';

/**
 * What a module says of itself: read from the file that the build left beside it, or asked of the module in a thread of its
 * own when there is none or the module has changed since.
 * @throws HuatuoError COLLECTOR_INVALID; also when the module throws or hangs
 */
export async function describeModule(
  modulePath: string,
  contents: ContentsReader,
): Promise<CollectorDescription> {
  const stored = readStored(modulePath);
  if (stored?.contents === contents.module(modulePath)) return stored.description;
  const exported = await askModule(modulePath);
  // Loaded late: making the schema takes longer than reading every description that the build has left.
  const { checkDescription } = await import('./description-schema.ts');
  try {
    return checkDescription(exported);
  } catch (cause) {
    const expected = 'the result of defineEvent, defineAutotracing or defineMetric as default export';
    const found = exported === null ? `no collector in ${modulePath}` : describeFault(cause);
    throw invalid(expected, found, 'correct the module', cause);
  }
}

/** Where the build leaves the description of a module. */
export function descriptionPath(modulePath: string): string {
  return modulePath.replace(/\.js$/, '.description.json');
}

function readStored(modulePath: string): StoredDescription | undefined {
  try {
    const stored = JSON.parse(readFileSync(descriptionPath(modulePath), 'utf8')) as StoredDescription;
    return stored.format === DESCRIPTION_FORMAT ? stored : undefined;
  } catch {
    return undefined;
  }
}
