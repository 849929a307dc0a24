/** The net_rx_latency collector against packets that are late for real, in each place where they can be. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { CollectorHarness } from '../../support/collector-harness.ts';
import { CompiledProgram } from '../../support/compiled-program.ts';
import { skipWithoutPrograms } from '../../support/container-programs.ts';
import { eventually } from '../../support/eventually.ts';
import {
  assertFlow,
  idOf,
  RxStage,
  SEGMENT_BYTES,
  SERVER_PORT,
  skipWithoutRxLatency,
} from '../../support/rx-stage.ts';

const skip = skipWithoutRxLatency();
const FAMILIES = [4, 6] as const;
const THRESHOLDS_NS = {
  RX_STAGE_TCP: 10_000_000,
  RX_STAGE_USERCOPY: 115_000_000,
} as const;
/** A prime number: no multiple of what a batch, a window or a CPU has. */
const MESSAGES = 53;
const TCP_HEADER_BYTES = 32;

describe('packets that are late at the default thresholds', { skip }, () => {
  let collector: CollectorHarness;
  before(async () => {
    collector = await CollectorHarness.load('net_rx_latency');
  });
  after(async () => {
    await collector[Symbol.asyncDispose]();
  });

  for (const family of FAMILIES) {
    test(`IPv${family}: a reader that does not run`, async () => {
      await using stage = await RxStage.set(collector, family, idOf(family, 'a'));
      await stage.established();
      await stage.documents();
      const started = performance.now();
      const waited_ms = await stage.sendWhileStopped(3, 200);
      const documents = await stage.documents('RX_STAGE_USERCOPY');
      const most_ns = (performance.now() - started) * 1e6;
      const { server } = stage.pair;
      for (const document of documents) {
        const { data, fields, text } = document;
        assertFlow(stage, document);
        assert.equal(fields.container_id, stage.container, text);
        assert.ok(data.latency_ns >= waited_ms * 1e6 && data.latency_ns <= most_ns, text);
        const { threshold_ns, packet_len_bytes, tcp_state, pid, owner_known_by } = data;
        assert.deepEqual(
          { threshold_ns, packet_len_bytes, tcp_state, pid, owner_known_by },
          {
            threshold_ns: THRESHOLDS_NS.RX_STAGE_USERCOPY,
            packet_len_bytes: SEGMENT_BYTES,
            tcp_state: 'ESTABLISHED',
            pid: server.pid,
            owner_known_by: undefined,
          },
        );
        assert.match(data.comm ?? '', /^node/);
      }
      const [first, last, ...more] = documents.map(({ data }) => data.tcp_seq);
      assert.ok(first !== undefined && last !== undefined && more.length === 0, 'the oldest and the newest');
      assert.equal((last - first) >>> 0, 2 * SEGMENT_BYTES);
    });

    test(`IPv${family}: a segment that waits for a locked socket`, {
      skip: skipWithoutPrograms('cc'),
    }, async () => {
      using program = new CompiledProgram('held_socket', '-pthread');
      await using stage = await RxStage.set(collector, family, idOf(family, 'c'));
      const enter = 'echo $$ > "$0/cgroup.procs" && exec "$@"';
      const command = ['sh', '-c', enter, stage.cgroup.path, program.path, stage.host, String(SERVER_PORT)];
      const reader = stage.pair.server.spawn(...command);
      const ended = once(reader, 'exit');
      const lines = createInterface({ input: reader.stdout! })[Symbol.asyncIterator]();
      const said = async (): Promise<unknown> => (await lines.next()).value;
      try {
        assert.equal(await said(), 'listening');
        await stage.connect();
        await stage.send(1);
        assert.equal(await said(), 'locked');
        await stage.documents();
        const { server } = stage.pair;
        const arrived = server.counter('TcpInSegs');
        await stage.send(1);
        await eventually('the segment to arrive', () => server.counter('TcpInSegs') > arrived);
        const locked = performance.now();
        await sleep(50);
        const waited_ms = performance.now() - locked;
        reader.kill('SIGUSR1');
        const document = await eventually('the document of the segment', async () =>
          (await stage.documents('RX_STAGE_TCP')).find(({ data }) => data.latency_ns >= waited_ms * 1e6),
        );
        assertFlow(stage, document);
        const { data, fields } = document;
        assert.equal(data.threshold_ns, THRESHOLDS_NS.RX_STAGE_TCP);
        assert.equal(data.packet_len_bytes, TCP_HEADER_BYTES + SEGMENT_BYTES);
        assert.equal(data.tcp_state, 'ESTABLISHED');
        assert.ok(data.owner_known_by === 'connect_or_listen' || data.owner_known_by === 'socket_memory');
        assert.equal(fields.container_id, stage.container);
        assert.equal(data.pid, undefined, 'whoever it has interrupted is not told');
      } finally {
        reader.kill('SIGKILL');
        await ended;
      }
    });

    test(`IPv${family}: a healthy exchange is in no document`, async () => {
      await using stage = await RxStage.set(collector, family, idOf(family, 'd'));
      await stage.established();
      // A machine that has no CPU for the server for a moment is one that the collector is for: then again.
      let known = (await stage.documents()).length;
      await eventually('an exchange without a document', async () => {
        for (let message = 0; message < MESSAGES; message++) {
          await stage.send(1);
          await stage.read();
        }
        const before = known;
        known = (await stage.documents()).length;
        return known === before;
      });
    });
  }
});
