/** What is different between two looks at one network device. */
import type { Link } from '../../netlink/link.ts';
import type { Severity } from '../../sdk/index.ts';

/** Those of existing HuaTuo dashboards begin with `linkstatus_` in documents. */
type LinkStatus = 'adminup' | 'admindown' | 'carrierup' | 'carrierdown' | 'unknown';
export type Change =
  | LinkStatus
  | 'added'
  | 'removed'
  | 'moved'
  | 'renamed'
  | 'mtu'
  | 'address'
  | 'master'
  | 'flapping';

/** @param before the device as it was told of last; undefined for one that is new */
export function changesBetween(before: Link | undefined, after: Link): readonly Change[] {
  if (!before) return ['added', ...statusOf(after)];
  const changes: Change[] = [];
  if (before.up !== after.up) changes.push(after.up ? 'adminup' : 'admindown');
  if (before.carrier !== after.carrier) changes.push(carrierOf(after));
  if (before.name !== after.name) changes.push('renamed');
  if (before.mtu !== after.mtu) changes.push('mtu');
  if (before.mac !== after.mac) changes.push('address');
  if (before.master !== after.master) changes.push('master');
  return changes;
}

/** The state of a device that is met for the first time. */
export function statusOf(link: Link): readonly LinkStatus[] {
  return [link.up ? 'adminup' : 'admindown', carrierOf(link)];
}

const STATUSES: ReadonlySet<Change> = new Set([
  'adminup',
  'admindown',
  'carrierup',
  'carrierdown',
  'unknown',
]);

export function isLinkStatus(change: Change): change is LinkStatus {
  return STATUSES.has(change);
}

/** A device that lost its carrier although it is to be up, or that is gone, is what an operator looks for. */
export function severityOf(changes: readonly Change[], { up }: Link): Severity {
  const carrierLost = changes.includes('carrierdown') && up && !changes.includes('added');
  return carrierLost || changes.includes('removed') || changes.includes('flapping') ? 'warning' : 'info';
}

function carrierOf({ carrier }: Link): LinkStatus {
  if (carrier === undefined) return 'unknown';
  return carrier ? 'carrierup' : 'carrierdown';
}
