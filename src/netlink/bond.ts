/**
 * What a port of a bond says in IFLA_LINKINFO: IFLA_BOND_SLAVE_* of include/uapi/linux/if_link.h, filled by
 * bond_fill_slave_info() in drivers/net/bonding/bond_netlink.c.
 */
import type { Attributes } from './attributes.ts';

const IFLA_INFO_SLAVE_KIND = 4;
const IFLA_INFO_SLAVE_DATA = 5;
const IFLA_BOND_SLAVE_MII_STATUS = 2;
const IFLA_BOND_SLAVE_LINK_FAILURE_COUNT = 3;
const IFLA_BOND_SLAVE_AD_AGGREGATOR_ID = 6;
const IFLA_BOND_SLAVE_AD_ACTOR_OPER_PORT_STATE = 7;
const IFLA_BOND_SLAVE_AD_PARTNER_OPER_PORT_STATE = 8;

/** By number: BOND_LINK_* of include/uapi/linux/if_bonding.h. */
const MII_STATES = ['up', 'fail', 'down', 'back'] as const;

/** By bit: LACP_STATE_* of include/uapi/linux/if_bonding.h (IEEE 802.1AX, 6.4.2.3). */
const LACP_STATES = [
  'activity',
  'timeout',
  'aggregation',
  'synchronization',
  'collecting',
  'distributing',
  'defaulted',
  'expired',
] as const;

export type LacpState = (typeof LACP_STATES)[number];

export interface BondPort {
  readonly miiStatus: string | undefined;
  /** How often its link has failed since it joined the bond. */
  readonly linkFailures: number | undefined;
  /** Absent for a port of a bond without LACP (802.3ad). */
  readonly lacp: Lacp | undefined;
}

export interface Lacp {
  /** The aggregator it belongs to: ports of one carry traffic together. */
  readonly aggregatorId: number | undefined;
  /** What this side says. */
  readonly actor: readonly LacpState[];
  /** What the other side has said last. */
  readonly partner: readonly LacpState[];
}

/**
 * @param info the attributes within IFLA_LINKINFO
 * @returns undefined for a device that is no port of a bond
 * @throws SOURCE_UNREADABLE
 */
export function bondPort(info: Attributes): BondPort | undefined {
  if (info.text(IFLA_INFO_SLAVE_KIND) !== 'bond') return undefined;
  const port = info.nested(IFLA_INFO_SLAVE_DATA);
  if (!port) return undefined;
  const actor = port.u8(IFLA_BOND_SLAVE_AD_ACTOR_OPER_PORT_STATE);
  return {
    miiStatus: MII_STATES[port.u8(IFLA_BOND_SLAVE_MII_STATUS) ?? -1],
    linkFailures: port.u32(IFLA_BOND_SLAVE_LINK_FAILURE_COUNT),
    lacp:
      actor === undefined
        ? undefined
        : {
            aggregatorId: port.u16(IFLA_BOND_SLAVE_AD_AGGREGATOR_ID),
            actor: lacpStates(actor),
            // Sixteen bits on the wire of netlink, eight in LACP.
            partner: lacpStates(port.u16(IFLA_BOND_SLAVE_AD_PARTNER_OPER_PORT_STATE) ?? 0),
          },
  };
}

function lacpStates(bits: number): LacpState[] {
  return LACP_STATES.filter((_, bit) => (bits & (1 << bit)) !== 0);
}
