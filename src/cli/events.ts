/** `huatuo events`: documents of the journal, with or without an agent. */
import { canonicalName } from '../catalog/aliases.ts';
import { HuatuoError } from '../error.ts';
import { shortFields } from '../short-fields.ts';
import { type EventQuery, type JournalEvent, readEvents, requireTracers } from '../storage/journal/events.ts';
import { ofContainer, parseFilter } from '../storage/journal/filter.ts';
import { requireReadable, unreadable } from '../storage/journal/readable.ts';
import { parseTime } from '../storage/journal/time.ts';
import { printable } from '../text.ts';
import type { EventFlags } from './command-line.ts';
import { whyNone } from './why-none.ts';

interface Output {
  print(text: string): Promise<void>;
  complain(text: string): void;
}

const COLUMNS = [23, 22, 9, 14] as const;
const MAX_DATA = 240;

/**
 * Prints what is asked for; ends with the journal, and with SIGINT when it follows.
 * @param collectors names of the collectors there are
 * @throws HuatuoError USAGE, JOURNAL_FAILED
 */
export async function showEvents(
  directory: string,
  flags: EventFlags,
  collectors: Iterable<string>,
  output: Output,
): Promise<void> {
  const query = queryOf(flags, Date.now());
  requireReadable(directory);
  requireTracers(directory, query.tracers, collectors);
  const stop = new AbortController();
  process.once('SIGINT', () => stop.abort());
  const table = flags.output === 'table';
  if (table) await output.print(`${row('TIME', 'COLLECTOR', 'SEVERITY', 'OWNER', 'DATA')}\n`);
  let lost = 0;
  let shown = 0;
  try {
    for await (const chunk of readEvents(directory, query, stop.signal)) {
      const lines = chunk.events.map((event) => (table ? tableLine(event) : event.line.toString('utf8')));
      if (lines.length > 0) await output.print(`${lines.join('\n')}\n`);
      lost += chunk.lost;
      shown += lines.length;
    }
    if (shown === 0 && !query.follow)
      for (const hint of await whyNone(directory, query)) output.complain(hint);
  } catch (error) {
    throw unreadable(directory, error);
  }
  if (lost > 0)
    output.complain(
      `${lost === 1 ? '1 document is' : `${lost} documents are`} missing: deleted by the bound of the journal, or damaged`,
    );
}

function queryOf(flags: EventFlags, now_ms: number): EventQuery {
  const { collectors, since, until, container, filters, follow } = flags;
  const since_ms = since === undefined ? undefined : parseTime(since, now_ms);
  const until_ms = until === undefined ? undefined : parseTime(until, now_ms);
  if (since_ms !== undefined && until_ms !== undefined && since_ms > until_ms)
    throw new HuatuoError('USAGE', {
      expected: '--since before --until',
      found: `--since ${since} and --until ${until}, which is earlier`,
      remedy: 'exchange them; 15m is that long ago',
    });
  return {
    tracers: collectors.map(canonicalName),
    conditions: [
      ...(container === undefined ? [] : [ofContainer(container)]),
      ...filters.flatMap(parseFilter),
    ],
    follow,
    ...(since_ms !== undefined && { since_ms }),
    ...(until_ms !== undefined && { until_ms }),
  };
}

function tableLine({ tracer, line }: JournalEvent): string {
  try {
    const document = JSON.parse(line.toString('utf8')) as Readonly<Record<string, unknown>>;
    const {
      '@timestamp': time,
      severity,
      container_name,
      container_hostname,
      container_id,
      systemd_unit,
      tracer_data,
    } = document;
    const container = container_name ?? container_hostname ?? String(container_id ?? '').slice(0, 12);
    const owner = container || (systemd_unit ?? '-');
    const data = shortFields((tracer_data ?? {}) as Readonly<Record<string, unknown>>, MAX_DATA).join(' ');
    return row(String(time).slice(0, 23), tracer, String(severity), String(owner), data);
  } catch {
    return row('-', tracer, '-', '-', line.toString('utf8'));
  }
}

function row(
  ...[time = '', tracer = '', severity = '', container = '', data = '']: readonly string[]
): string {
  const cells = [time, tracer, severity, container].map((cell, index) =>
    printable(cell).padEnd(COLUMNS[index] ?? 0),
  );
  return [...cells, printable(data.length > MAX_DATA ? `${data.slice(0, MAX_DATA)}…` : data)].join('  ');
}
