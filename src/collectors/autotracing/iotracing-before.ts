/**
 * Which containers and systemd units used a disk before the trigger, by what their cgroups have counted: for iotracing. Who uses it
 * is captured afterwards, when a burst may be over.
 */
import { readCgroupIo } from '../../procfs/cgroup-io.ts';
import type { SampleContext, WindowSample } from '../../sdk/index.ts';
import * as sdk from '../../sdk/index.ts';

/** Of one sample, over all disks. */
const MAX_USES = 512;

export interface DiskPayer {
  readonly container_id?: string;
  readonly systemd_unit?: string;
}

/** Bytes since the cgroup was made. */
export interface CountedUse {
  readonly payer: DiskPayer;
  readonly read_bytes: number;
  readonly write_bytes: number;
}

/** @returns by the number of the disk */
export function readUses(
  ctx: Pick<SampleContext<unknown>, 'containers' | 'log'>,
): ReadonlyMap<number, readonly CountedUse[]> {
  const uses = sdk
    .perWorkload(ctx, ({ cgroups }) => readCgroupIo(cgroups))
    .flatMap(([workload, disks]) => {
      const payer = sdk.isContainer(workload) ? { container_id: workload.id } : { systemd_unit: workload.id };
      return disks.map(({ device, read_bytes, written_bytes: write_bytes }) => {
        const [major = 0, minor = 0] = device.split(':').map(Number);
        return { number: (major << 20) | minor, use: { payer, read_bytes, write_bytes } };
      });
    })
    .slice(0, MAX_USES);
  return new Map(
    [...Map.groupBy(uses, ({ number }) => number)].map(([number, all]) => [
      number,
      all.map(({ use }) => use),
    ]),
  );
}

/** @param most rows @returns those that moved most first; nothing where fewer than two samples know it */
export function usersBefore(
  samples: readonly WindowSample<{ readonly uses?: readonly CountedUse[] }>[],
  most: number,
) {
  const [from, ...later] = samples.filter(({ state }) => state.uses);
  const to = later.at(-1);
  if (!from || !to) return {};
  const seconds = Number(to.boottime_ns - from.boottime_ns) / 1e9;
  const old = new Map(from.state.uses?.map((use) => [keyOf(use), use]));
  const rows = (to.state.uses ?? []).flatMap((use) => {
    const before = old.get(keyOf(use));
    const since = (key: 'read_bytes' | 'write_bytes'): number =>
      Math.round(Math.max(0, use[key] - (before?.[key] ?? 0)) / seconds);
    const row = { ...use.payer, disk_read_bps: since('read_bytes'), disk_write_bps: since('write_bytes') };
    return row.disk_read_bps + row.disk_write_bps > 0 ? [row] : [];
  });
  const weight = ({ disk_read_bps, disk_write_bps }: (typeof rows)[number]): number =>
    disk_read_bps + disk_write_bps;
  return {
    users_before: rows.toSorted((a, b) => weight(b) - weight(a)).slice(0, most),
    users_before_seconds: seconds,
  };
}

function keyOf({ payer }: CountedUse): string {
  return `${payer.container_id ?? ''} ${payer.systemd_unit ?? ''}`;
}
