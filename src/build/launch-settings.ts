/** `dist/launch.sh`, which `src/cli/huatuo` reads: what becomeAgent() would set, known before Node is started once for nothing. */
import { ENVIRONMENT, V8_FLAGS } from '../cli/become-agent.ts';
import { at } from '../paths.ts';
import { writeIfChanged } from './files.ts';

/** A variable that the user has set stays. */
export function writeLaunchSettings(): void {
  const variables = Object.entries(ENVIRONMENT).map(
    ([name, value]) => `export ${name}="\${${name}-${value}}"`,
  );
  writeIfChanged(at('dist/launch.sh'), [`flags='${V8_FLAGS.join(' ')}'`, ...variables, ''].join('\n'));
}
