/** What a binding makes a compile error. The file is compiled with the others: an expected error that is none fails the build. */
import assert from 'node:assert/strict';
import test from 'node:test';
import { oom } from '../../src/generated/oom.ts';
import { runqlat } from '../../src/generated/runqlat.ts';
import { softirq } from '../../src/generated/softirq.ts';
import { defineEvent, defineMetric } from '../../src/sdk/index.ts';

test('names and types of map, key, value and option are those of the object', () => {
  const collector = defineEvent({
    object: softirq,
    doc: 'Reads the maps of softirq.',
    async update({ bpf, options }) {
      const limit: number = options.threshold_ns;
      // @ts-expect-error no such option
      options.treshold_ns;
      const object = await bpf.load();
      const zones = object.map('network_zones');
      const count: number | undefined = await zones.get({ type: 'NET_RX', zone: limit });
      // @ts-expect-error no such map
      object.map('network_zone');
      // @ts-expect-error no such enumerator
      await zones.get({ type: 'NET_XX', zone: 0 });
      // @ts-expect-error the key has two fields
      await zones.get({ type: 'NET_RX' });
      // @ts-expect-error the value is a number
      const text: string | undefined = await zones.get({ type: 'NET_RX', zone: 0 });
      const histogram = (await object.map('vectors').get('TIMER'))?.runs;
      const slots: readonly number[] | undefined = histogram?.slots;
      // @ts-expect-error no such field
      histogram?.slot;
      return void [count, text, slots];
    },
  });
  assert.equal(collector.object, softirq);
});

test('an event has the fields of its struct', () => {
  const collector = defineEvent({
    object: oom,
    doc: 'Reads the event of oom.',
    enrich(event) {
      const pid: number = event.victim.pid;
      // @ts-expect-error no such field
      event.victim.pdi;
      return void pid;
    },
  });
  assert.equal(collector.kind, 'event');
});

test('a metric collector names its object, too', () => {
  const collector = defineMetric({
    object: runqlat,
    doc: 'Reads the maps of runqlat.',
    async update({ bpf }) {
      const cgroups = (await bpf.load()).map('cgroups');
      const zones = await cgroups.get(4711n);
      // @ts-expect-error a cgroup id is a bigint
      await cgroups.get(4711);
      for (const { container, value } of await cgroups.byContainer()) void [container.id, value.zones];
      return void zones?.zones;
    },
  });
  assert.equal(collector.object, runqlat);
});
