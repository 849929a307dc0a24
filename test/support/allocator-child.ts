/** Child process of allocator.ts: takes memory when it is told to, and keeps it. */
import { writeFileSync } from 'node:fs';
import type { AllocatorRequest } from './allocator.ts';

const held: Buffer[] = [];

process.on('message', ({ comm, oomScoreAdj, bytes }: AllocatorRequest) => {
  if (comm !== undefined) writeFileSync('/proc/self/comm', Buffer.from(comm, 'hex'));
  if (oomScoreAdj !== undefined) writeFileSync('/proc/self/oom_score_adj', String(oomScoreAdj));
  if (bytes !== undefined) held.push(Buffer.alloc(bytes, 1));
  process.send?.('done');
});
process.on('disconnect', () => process.exit());
