/** Files of the configuration that others could change. The agent runs with them, and says so. */
import { foreignWriter } from '../foreign-writer.ts';
import { at } from '../paths.ts';
import type { EffectiveConfig } from './effective.ts';

/** One sentence for each file of the configuration, and for the agent's own code, that others may write. */
export function foreignWriterWarnings({ web }: EffectiveConfig, file: string | undefined): string[] {
  const believed = [
    ['the configuration', file ?? ''],
    ['web.config_file', web.config_file],
    ["the agent's own code", at('dist')],
  ] as const;
  return believed.flatMap(([what, path]) => {
    const writer = path === '' ? undefined : foreignWriter(path);
    if (writer === undefined) return [];
    return [`others may change ${what}, and with it what root does: ${writer}; chown root, chmod go-w`];
  });
}
