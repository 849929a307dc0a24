/** Packet filters of a configuration, which libpcap alone can judge. */
import type { Catalog } from '../catalog/catalog.ts';
import type { EffectiveConfig } from '../config/effective.ts';
import { HuatuoError } from '../error.ts';
import { textsOf } from './texts.ts';

/**
 * On a host without libpcap none is refused: the collector says at its start what it lacks. Main thread only.
 * @throws CONFIG_INVALID with the first one that is none
 */
export async function requireFilters(config: EffectiveConfig, catalog: Catalog): Promise<void> {
  const filters = textsOf(config, catalog, ({ syntax }) => syntax === 'packet_filter').flatMap(
    ({ values }) => values,
  );
  if (filters.length === 0) return;
  // Loaded late: it brings a foreign library.
  const { compilePacketFilter } = await import('../kernel/packet-filter.ts');
  try {
    for (const filter of filters) await compilePacketFilter(filter);
  } catch (error) {
    const wire = HuatuoError.toWire(error);
    if (wire.code === 'COLLECTOR_INVALID') throw HuatuoError.fromWire({ ...wire, code: 'CONFIG_INVALID' });
    if (wire.code !== 'LIBPCAP_MISSING') throw error;
  }
}
