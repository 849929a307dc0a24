/** Why nothing is provoked of a collector: what this guest does not have. Each is looked for, so that it is not said where it is there. */
import { existsSync, globSync } from 'node:fs';
import { isBefore } from './commands.ts';
import { isWatched } from './hanging-card.ts';

const LACKS: Readonly<Record<string, { readonly isThere: () => boolean; readonly why: string }>> = {
  cpu_freq: {
    isThere: () => existsSync('/sys/devices/system/cpu/cpu0/cpufreq'),
    why: 'needs CPUs whose frequency is changed; the emulated ones have one',
  },
  temperature: {
    isThere: () => globSync('/sys/class/{hwmon/hwmon*/temp*_input,thermal/thermal_zone*}').length > 0,
    why: 'needs sensors; the emulated machine has none',
  },
  netdev_dcb: {
    isThere: () => false,
    why: 'needs a network card with priority flow control, which no emulated one has',
  },
  netdev_hw: {
    isThere: () => false,
    why: 'needs a network card whose driver counts what the card drops, which that of the emulated one does not',
  },
  netdev_rdma_link: {
    isThere: () => existsSync('/sys/class/infiniband'),
    why: 'needs an RDMA card, or the module rdma_rxe, which this kernel is built without',
  },
  softlockup: {
    isThere: () => !isBefore(5, 17),
    why: 'is provoked by a program that loops for seconds, which Linux 5.17 is the first to let',
  },
  netdev_txqueue_timeout: {
    isThere: isWatched,
    why: 'needs a network card whose driver says what to do when it hangs; that of the emulated one does not on this kernel',
  },
};

/** @returns undefined when there is nothing known that it lacks */
export function lackOf(collector: string): string | undefined {
  const lack = LACKS[collector];
  return lack && !lack.isThere() ? lack.why : undefined;
}
