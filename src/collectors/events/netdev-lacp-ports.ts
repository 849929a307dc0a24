/** The ports of bonds that speak LACP, and what of their state has changed. */
import type { Lacp, LacpState } from '../../netlink/bond.ts';
import type { Link } from '../../netlink/link.ts';

export interface PortChange {
  readonly link: Link;
  readonly lacp: Lacp;
  readonly before: Lacp;
  /** Name of the bond; undefined when it is not known. */
  readonly bond: string | undefined;
}

export class LacpPorts {
  /** Of each device by index: its name for those that are bonds, its state for those that are ports. */
  readonly #links = new Map<number, Link>();

  /** @returns what has changed of a port that was known with LACP before */
  present(link: Link): PortChange | undefined {
    const known = this.#links.get(link.index);
    const before = known && stateOf(known);
    const lacp = stateOf(link);
    if (lacp || link.kind === 'bond') this.#links.set(link.index, link);
    else this.#links.delete(link.index);
    if (!before || !lacp || !differs(before, lacp)) return undefined;
    return { link, lacp, before, bond: this.#links.get(link.master ?? -1)?.name };
  }

  gone({ index }: Link): void {
    this.#links.delete(index);
  }

  /** @param links all there are: others are gone @returns the changes that were not told of */
  all(links: readonly Link[]): PortChange[] {
    const indexes = new Set(links.map(({ index }) => index));
    for (const index of this.#links.keys()) if (!indexes.has(index)) this.#links.delete(index);
    // Bonds first, so that ports find their names.
    const bondsFirst = links.toSorted((a, b) => Number(b.kind === 'bond') - Number(a.kind === 'bond'));
    return bondsFirst.flatMap((link) => this.present(link) ?? []);
  }
}

/** States that the first has and the second has not. */
export function without(states: readonly LacpState[], others: readonly LacpState[]): LacpState[] {
  return states.filter((state) => !others.includes(state));
}

/** Whether the port carries less traffic than before. */
export function isCutOff({ before, lacp }: PortChange): boolean {
  const lost = without(before.actor, lacp.actor);
  return lost.includes('collecting') || lost.includes('distributing');
}

/**
 * Without what the port of a link that is down cannot do. Link monitoring takes such a port out of service and says so; LACP's states follow
 * within 100 ms, without a notification (bond_miimon_commit, bond_3ad_state_machine_handler), and on Linux 5.10 never.
 */
function stateOf({ bond }: Link): Lacp | undefined {
  const { lacp, miiStatus } = bond ?? {};
  if (!lacp || (miiStatus !== 'down' && miiStatus !== 'back')) return lacp;
  return { ...lacp, actor: without(lacp.actor, ['collecting', 'distributing']) };
}

function differs(a: Lacp, b: Lacp): boolean {
  const text = ({ actor, partner, aggregatorId }: Lacp): string =>
    `${actor.join()} ${partner.join()} ${aggregatorId}`;
  return text(a) !== text(b);
}
