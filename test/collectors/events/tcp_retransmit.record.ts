/** Writes test/fixtures/records/tcp_retransmit.hex anew. By hand and as root, when its struct has changed. */

import { eventually } from '../../support/eventually.ts';
import { record } from '../../support/recording.ts';
import { TcpPair } from '../../support/tcp-pair.ts';

const DATA = 'payload > 0';

await record('tcp_retransmit', async () => {
  for (const family of [4, 6] as const) {
    await using pair = await TcpPair.open();
    const { client, server } = pair;
    const host = server.address(family);
    const send = async (segments: number): Promise<number> =>
      client.ask({ verb: 'write', segments, bytes: 1000 });
    let arriving = 0;
    const arrived = async (segments: number): Promise<boolean> => {
      arriving += segments;
      return eventually(
        'the segments to arrive',
        async () => (await server.ask({ verb: 'received' })) === arriving * 1000,
      );
    };
    // A SYN; the answer to a SYN-ACK.
    await server.ask({ verb: 'listen', host, port: 8080 });
    await server.lose({ match: 'tcp.syn', first: 1, last: 1 });
    await client.ask({ verb: 'connect', host, port: 8080 });
    await server.lose({ match: 'tcp.ack && !tcp.syn && payload == 0', first: 1, last: 1 });
    await client.ask({ verb: 'connect', host, port: 8080 });
    await eventually('the SYN-ACK to be sent again', () => server.counter('TcpExtTCPSynRetrans') > 0);
    await server.loseNothing();
    await send(1);
    await arrived(1);
    // The tail, one in the middle, everything.
    await server.lose({ match: DATA, first: 3, last: 3 });
    await send(3);
    await arrived(3);
    await server.lose({ match: DATA, first: 3, last: 3 });
    await send(9);
    await arrived(9);
    await server.lose({ match: DATA, first: 1, last: 8 });
    await send(4);
    await arrived(4);
  }
});
