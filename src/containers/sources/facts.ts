/** Single facts about a container, as several engines write them. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ContainerDetails } from './source.ts';

/** The details that are known: fields that are undefined or empty text are left out. */
export function known(
  fields: { readonly [K in keyof Omit<ContainerDetails, 'id'>]?: ContainerDetails[K] | undefined } & {
    readonly id: string;
  },
): ContainerDetails {
  const told = Object.entries(fields).filter(([, value]) => value !== undefined && value !== '');
  return Object.fromEntries(told) as unknown as ContainerDetails;
}

/** kubelet gives every container these labels, whatever runs it; CRI-O also writes them as annotations. */
export function kubernetesNames(
  labels: Readonly<Record<string, string>>,
): Pick<{ [K in keyof ContainerDetails]: string | undefined }, 'name' | 'podName' | 'hostNamespace'> {
  return {
    name: labels['io.kubernetes.container.name'],
    podName: labels['io.kubernetes.pod.name'],
    hostNamespace: labels['io.kubernetes.pod.namespace'],
  };
}

const RFC3339 = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)$/;

/**
 * @param text RFC 3339 with any offset, as Go writes a time
 * @returns the same time in UTC; undefined for other text and for Go's zero time, which means "not started"
 */
export function utcTime(text: string | null | undefined): string | undefined {
  if (!text || !RFC3339.test(text)) return undefined;
  const time_ms = Date.parse(text);
  if (!(time_ms > 0)) return undefined;
  return text.endsWith('Z') ? text : new Date(time_ms).toISOString();
}

/** A process id, or undefined for 0 and below, with which engines say that there is none. */
export function livePid(pid: number | null | undefined): number | undefined {
  return pid && pid > 0 ? pid : undefined;
}

/**
 * When the process started, in clock ticks after boot: with the id it means one process for good, as ids are used again.
 * Field 22 of /proc/<pid>/stat (proc_pid_stat(5)); its second field is hostile text in parentheses.
 * @returns undefined when there is no such process, or none this procfs shows
 */
export function processStart(procfs: string, pid: number): number | undefined {
  try {
    const stat = readFileSync(join(procfs, `${pid}`, 'stat'), 'latin1');
    const ticks = Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19]);
    return Number.isSafeInteger(ticks) ? ticks : undefined;
  } catch {
    return undefined;
  }
}
