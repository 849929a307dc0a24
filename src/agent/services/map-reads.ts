/** Answers the Prometheus thread what it asks of the maps that are metrics. */
import { HuatuoError } from '../../error.ts';
import type { MapReadCalls, MapsAnswer, MapsWish } from '../../map-metrics/map-reads.ts';
import type { ServiceHost } from './service.ts';

export function mapReads(host: Pick<ServiceHost, 'attached'>): MapReadCalls {
  const read = async ({ collector, maps }: MapsWish): Promise<MapsAnswer> => {
    try {
      const { number, calls } = host.attached(collector);
      return { type: 'read', object: number, batches: await calls.mapBatches(maps) };
    } catch (error) {
      return { type: 'failed', error: HuatuoError.toWire(error) };
    }
  };
  // Each is done when it has been called: the maps of one object are of one moment.
  return {
    readMaps: (wishes) => Promise.all(wishes.map(read)),
    mapLookup: async (collector, map, key) => host.attached(collector).calls.mapLookup(map, key),
    mapBatch: async (collector, map, position) => host.attached(collector).calls.mapBatch(map, position),
    mapUpdate: async (collector, map, key, value) =>
      host.attached(collector).calls.mapUpdate(map, key, value),
    mapDelete: async (collector, map, key) => host.attached(collector).calls.mapDelete(map, key),
  };
}
