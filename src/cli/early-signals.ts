/**
 * Signals that come before a command can act on them. Loading it takes most of a second, in which SIGHUP, sent by whoever
 * has just changed the configuration, would end an agent, and Ctrl-C a profile without a word.
 */
const HELD = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

export interface HeldSignals {
  /** Hands on what came meanwhile to whoever listens now; without a listener the signal ends the process, as usual. */
  release(): void;
}

export function holdSignals(): HeldSignals {
  const came = new Set<NodeJS.Signals>();
  const note = (signal: NodeJS.Signals): void => void came.add(signal);
  for (const signal of HELD) process.on(signal, note);
  return {
    release: () => {
      for (const signal of HELD) process.off(signal, note);
      for (const signal of came) process.kill(process.pid, signal);
      came.clear();
    },
  };
}
