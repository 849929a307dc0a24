/** From a command line to an exit code. */
import { type ErrorCode, HuatuoError } from '../error.ts';
import { becomeAgent, startsAgent } from './become-agent.ts';
import { holdSignals } from './early-signals.ts';
import { complain, flushed, print } from './output.ts';
import { formatVersion, version } from './version.ts';

const EXIT_CODES: Partial<Record<ErrorCode, number>> = {
  USAGE: 2,
  CONFIG_INVALID: 78,
  CONFIG_UNREADABLE: 78,
};

/**
 * Runs one command line, and returns when its output has been read. Never throws.
 * @param argv without node and script
 * @returns the exit code: 0 done, 1 failed, 2 usage, 78 configuration (sysexits.h)
 */
export async function main(argv: readonly string[]): Promise<number> {
  process.stdout.on('error', stdoutClosed);
  const code = await run(argv);
  await flushed();
  return code;
}

async function run(argv: readonly string[]): Promise<number> {
  try {
    if (isVersionOnly(argv)) {
      print(formatVersion(version()));
      return 0;
    }
    if (startsAgent(argv)) becomeAgent();
    const held = holdSignals();
    if (startsAgent(argv)) {
      const { startAgent } = await import('./start-agent.ts');
      return await startAgent(argv, held);
    }
    // Loaded late: the schema of the configuration takes longer than all the rest.
    const { execute } = await import('./execute.ts');
    return await execute(argv, held);
  } catch (thrown) {
    if (!(thrown instanceof HuatuoError)) {
      complain(`a fault of the agent itself: ${thrown instanceof Error ? thrown.stack : String(thrown)}`);
      return 1;
    }
    complain(thrown.message);
    return EXIT_CODES[thrown.code] ?? 1;
  }
}

/** The plain question, which scripts ask often; with any flag beside it, the command line is parsed. */
function isVersionOnly([word, ...rest]: readonly string[]): boolean {
  return rest.length === 0 && (word === 'version' || word === '--version');
}

/** `huatuo list | head -1` has read enough. */
function stdoutClosed(error: NodeJS.ErrnoException): void {
  if (error.code !== 'EPIPE') complain(error.message);
  process.exit(error.code === 'EPIPE' ? 0 : 1);
}
