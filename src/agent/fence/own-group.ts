/**
 * The agent's own cgroup under systemd. Groups with threads in them make the group above them `domain threaded`, and below
 * such a one no group holds processes: systemd could start no control process (ExecReload=, in `.control`) and kill none.
 * So the agent goes down one level, into the subgroup that `DelegateSubgroup=` (systemd 254) would have started it in:
 *
 *   huatuo.service                     holds no process, passes the cpu controller on
 *   ├── agent                          domain threaded: every process of the agent
 *   │   └── huatuo-<pid>/<collector>   threaded
 *   └── .control                       systemd's, while a control process runs
 */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';

const SUBGROUP = 'agent';

/**
 * Moves this process down, unless it is there.
 * @param own the cgroup it was started in, of cgroup v2
 * @param environment as systemd gives it to a service: with INVOCATION_ID
 * @returns the cgroup below which groups for threads may be made: `own` outside of systemd, and where other processes are
 * in it, since these are not the agent's to move
 * @throws what the kernel refuses; the process is then where it was
 */
export function ownThreadRoot(own: string, environment: NodeJS.ProcessEnv = process.env): string {
  if (environment.INVOCATION_ID === undefined) return own;
  if (isOwnSubgroup(own, environment)) {
    passOn(dirname(own));
    return own;
  }
  const processes = readFileSync(join(own, 'cgroup.procs'), 'utf8').split('\n').filter(Boolean);
  if (processes.some((pid) => pid !== String(process.pid))) return own;
  const group = join(own, SUBGROUP);
  if (!existsSync(group)) mkdirSync(group, { mode: 0o755 });
  writeFileSync(join(group, 'cgroup.procs'), String(process.pid), { flag: 'r+' });
  passOn(own);
  return group;
}

/** Whether a cgroup is the one that `DelegateSubgroup=`, or this agent, has made for it. */
export function isOwnSubgroup(own: string, environment: NodeJS.ProcessEnv): boolean {
  return environment.INVOCATION_ID !== undefined && basename(own) === SUBGROUP;
}

function passOn(group: string): void {
  writeFileSync(join(group, 'cgroup.subtree_control'), '+cpu', { flag: 'r+' });
}
