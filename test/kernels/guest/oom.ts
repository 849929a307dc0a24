/** Kills for want of memory, of a unit and of a container, against what the kernel has logged. */
import { once } from 'node:events';
import type { Hierarchy } from '../boots.ts';
import type { Finding } from '../report.ts';
import { document } from './agent.ts';
import { eventually, ok, run, wrong } from './commands.ts';
import { ContainerGroup, unitInode } from './hierarchy.ts';

const LIMIT_BYTES = 48 << 20;
/**
 * Since Linux 6.2 the kernel counts pages of a process per CPU, 32 on each before the common count has them. Its line has the common count (or, on
 * later kernels, the sum), the document the sum: of what only grows, as memory of a hog, that is never less.
 */
const [MORE_KB, LESS_KB] = [256, 16];

export async function oom(hierarchy: Hierarchy): Promise<Finding> {
  const [ofUnit, ofContainer] = await Promise.all([unitIsKilled(hierarchy), containerIsKilled(hierarchy)]);
  const faults = [...ofUnit.faults, ...ofContainer.faults];
  if (faults.length > 0) return wrong(faults.join(', '));
  const limit = ofUnit.hasLimit ? '' : '; the limit that was hit is not told';
  return ok(`OOM of a unit and of a container: ids, names, state and sizes against the kernel's log${limit}`);
}

interface Outcome {
  readonly faults: string[];
  readonly hasLimit?: boolean;
}

/** Systemd leaves it alive, so its cgroup has a state to tell. */
async function unitIsKilled(hierarchy: Hierarchy): Promise<Outcome> {
  const limits = ['-p', `MemoryMax=${LIMIT_BYTES}`, '-p', 'OOMPolicy=continue'];
  await run('systemd-run', '-q', '--unit=hog', ...limits, 'sh', '-c', 'tail /dev/zero; sleep 3600');
  const found = await document('oom', ({ text }) => text.includes('"systemd_unit":"hog.service"'));
  if (!found) return { faults: ['no document of the OOM of a unit'] };
  const kill = found.data as unknown as Kill;
  const faults = await compareKill(kill, unitInode(hierarchy, 'hog.service'));
  const { cgroup } = kill.victim;
  if (!cgroup?.path?.endsWith('/system.slice/hog.service') || cgroup.max !== LIMIT_BYTES || !cgroup.stat)
    faults.push(`the unit's cgroup: found ${JSON.stringify(cgroup)?.slice(0, 100)}`);
  return { faults, hasLimit: kill.limit !== undefined };
}

async function containerIsKilled(hierarchy: Hierarchy): Promise<Outcome> {
  const group = new ContainerGroup(hierarchy, { memory_bytes: LIMIT_BYTES });
  await once(group.spawn('exec tail /dev/zero'), 'exit');
  const found = await document('oom', ({ fields }) => fields.container_id === group.id);
  if (!found) return { faults: ['no document of the OOM of a container'] };
  const faults = await compareKill(found.data as unknown as Kill, group.inode('memory'));
  await group.remove();
  return { faults };
}

/** Of a container that is killed while no agent runs. @returns whether it is told later */
export async function killUnseen(hierarchy: Hierarchy): Promise<() => Promise<string | undefined>> {
  const group = new ContainerGroup(hierarchy, { memory_bytes: LIMIT_BYTES });
  await once(group.spawn('exec tail /dev/zero'), 'exit');
  const inode = group.inode('memory');
  return async () => {
    const isIt = ({ data }: { data: unknown }): boolean => (data as Kill).victim?.cgroup_id === inode;
    const found = await document('oom', isIt);
    if (!found) return 'no document of an OOM that came while no agent ran';
    const faults = await compareKill(found.data as unknown as Kill, inode);
    return faults.length > 0 ? faults.join(', ') : undefined;
  };
}

interface Kill {
  readonly limit?: string;
  readonly memcg_limit_bytes?: number;
  readonly victim: {
    readonly pid: number;
    readonly cgroup_id: number;
    readonly cgroup?: { readonly path?: string; readonly max?: unknown; readonly stat?: object };
    readonly total_vm_bytes: number;
    readonly anon_rss_bytes: number;
    readonly file_rss_bytes: number;
  };
}

/** Against the kernel's own line. */
async function compareKill({ victim, limit, memcg_limit_bytes }: Kill, inode: number): Promise<string[]> {
  const pattern = new RegExp(
    `Killed process ${victim.pid} .*total-vm:(\\d+)kB, anon-rss:(\\d+)kB, file-rss:(\\d+)kB`,
  );
  const line = await eventually(1, async () => pattern.exec(await run('dmesg')) ?? undefined);
  if (!line) return [`the kernel's log has no kill of ${victim.pid}`];
  const [, total, anon, file] = line.map(Number) as [number, number, number, number];
  const sizes = [
    ['total_vm', victim.total_vm_bytes, total, 0],
    ['anon_rss', victim.anon_rss_bytes, anon, LESS_KB],
    // Pages that were taken back may not be in the common count yet, either.
    ['file_rss', victim.file_rss_bytes, file, MORE_KB],
  ] as const;
  return [
    ...sizes.flatMap(([name, bytes, kb, less_kb]) =>
      bytes / 1024 >= kb - less_kb && bytes / 1024 <= kb + (less_kb && MORE_KB)
        ? []
        : [`${name}: the kernel says ${kb} kB, found ${bytes / 1024}`],
    ),
    ...(victim.cgroup_id === inode ? [] : [`cgroup_id: expected ${inode}, found ${victim.cgroup_id}`]),
    ...(limit === undefined || memcg_limit_bytes === LIMIT_BYTES
      ? []
      : [`the limit: found ${memcg_limit_bytes}`]),
  ];
}
