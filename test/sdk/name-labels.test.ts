import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { HuatuoError } from '../../src/error.ts';
import { createInstruments } from '../../src/sdk/instruments.ts';
import { counter, gauge } from '../../src/sdk/metrics.ts';
import { familiesOf } from '../support/families.ts';

const specs = {
  field: counter({
    name: 'huatuo_bamai_netstat_{key}',
    labels: ['key', 'device'],
    help: 'Field {key} of netstat.',
  }),
};
const losses = /^huatuo_collector_/;

describe('labels that are part of a name', () => {
  test('each value is a family of its own, without the label', () => {
    const { instruments, collect } = createInstruments('netstat', specs);
    instruments.field.set(7, { key: 'Tcp_InSegs', device: 'eth0' });
    instruments.field.set(8, { key: 'Tcp_InSegs', device: 'eth1' });
    instruments.field.set(9, { key: 'Udp_InDatagrams', device: 'eth0' });
    assert.deepEqual(
      familiesOf(collect()).filter(({ name }) => !losses.test(name)),
      [
        {
          name: 'huatuo_bamai_netstat_Tcp_InSegs',
          help: 'Field Tcp_InSegs of netstat.',
          type: 'counter',
          samples: [
            { labels: { device: 'eth0' }, value: 7 },
            { labels: { device: 'eth1' }, value: 8 },
          ],
        },
        {
          name: 'huatuo_bamai_netstat_Udp_InDatagrams',
          help: 'Field Udp_InDatagrams of netstat.',
          type: 'counter',
          samples: [{ labels: { device: 'eth0' }, value: 9 }],
        },
      ],
    );
  });

  test('keys that cannot stand in a name are changed, and two that become the same are one series', () => {
    const { instruments, collect } = createInstruments('netstat', specs);
    instruments.field.set(1, { key: 'hugetlb.2MB"}\n', device: 'a' });
    instruments.field.set(2, { key: 'hugetlb_2MB"}\n', device: 'a' });
    const [family] = familiesOf(collect());
    assert.equal(family?.name, 'huatuo_bamai_netstat_hugetlb_2MB___');
    assert.deepEqual(family?.samples, [{ labels: { device: 'a' }, value: 2 }]);
  });

  test('a name with a label that is not declared is refused', () => {
    assert.throws(
      () =>
        createInstruments('x', {
          y: gauge({ name: 'huatuo_{stat}_bytes', help: 'Bytes.', labels: ['key'] }),
        }),
      (error) =>
        error instanceof HuatuoError &&
        error.code === 'COLLECTOR_INVALID' &&
        /label stat/.test(error.message),
    );
  });
});
