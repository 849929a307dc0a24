/** `huatuo resend`: dead letters to Elasticsearch once more, beside an agent that runs or without one. */
import type { EffectiveConfig } from '../config/effective.ts';
import { HuatuoError } from '../error.ts';
import { stateDirectory } from '../storage/elasticsearch/actor.ts';
import { mappingDirectories } from '../storage/elasticsearch/config.ts';
import { deadLetterDirectory } from '../storage/elasticsearch/dead-letters.ts';
import { type ResendReport, resendAll } from '../storage/elasticsearch/resend.ts';
import { Server } from '../storage/elasticsearch/server.ts';
import { Setup } from '../storage/elasticsearch/setup.ts';
import { printable } from '../text.ts';

/** @returns the exit code: 1 when a document was rejected again @throws HuatuoError */
export async function resend(
  { elasticsearch, journal, path }: EffectiveConfig,
  output: { print(text: string): void; complain(text: string): void },
): Promise<number> {
  if (elasticsearch.hosts.length === 0)
    throw new HuatuoError('USAGE', {
      expected: 'a server to send to',
      found: 'no elasticsearch.hosts',
      remedy: 'set elasticsearch.hosts in the configuration',
    });
  const stop = new AbortController();
  process.once('SIGINT', () => stop.abort(new Error('interrupted')));
  const server = new Server({ ...elasticsearch, mappings: mappingDirectories(path.collectors) });
  try {
    const letters = deadLetterDirectory(stateDirectory(journal.directory));
    const reports = await resendAll(letters, server, new Setup(server), stop.signal);
    output.print(reports.length === 0 ? 'no dead letters' : reports.map(line).join('\n'));
    return reports.some(({ rejected }) => rejected > 0) ? 1 : 0;
  } finally {
    server.close();
  }
}

function line({ tracer, delivered, deduplicated, rejected, unsendable, reason }: ResendReport): string {
  const parts = [
    `${delivered} delivered`,
    ...(deduplicated > 0 ? [`${deduplicated} were there`] : []),
    ...(rejected > 0 ? [`${rejected} rejected again (${printable(reason ?? '')})`] : []),
    ...(unsendable > 0 ? [`${unsendable} are no documents`] : []),
  ];
  return `${tracer}: ${parts.join(', ')}`;
}
