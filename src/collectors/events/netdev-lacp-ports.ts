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
    const before = this.#links.get(link.index)?.bond?.lacp;
    const lacp = link.bond?.lacp;
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
 * Whether its states are about to change without a notification: link monitoring has found the port down and said so
 * (bond_miimon_commit), and only then LACP takes it out of service, within 100 ms (bond_3ad_state_machine_handler).
 */
export function isOutdated({ bond }: Link): boolean {
  if (!bond?.lacp || bond.miiStatus === 'up') return false;
  return bond.lacp.actor.includes('collecting') || bond.lacp.actor.includes('distributing');
}

function differs(a: Lacp, b: Lacp): boolean {
  const text = ({ actor, partner, aggregatorId }: Lacp): string =>
    `${actor.join()} ${partner.join()} ${aggregatorId}`;
  return text(a) !== text(b);
}
