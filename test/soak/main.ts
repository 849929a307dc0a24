/**
 * `npm run soak`: supervision for hours instead of seconds, by the scenarios that test/faults runs in short.
 *
 * A figure that misses its goal is a result and ends with exit code 0; a part that broke a promise (an event lost, a
 * ledger open) ends with 1.
 */
import console from 'node:console';
import { parseArgs } from 'node:util';
import { type Row, renderTable } from '../bench/report.ts';
import { PARTS } from './parts.ts';

const USAGE = `Usage: npm run soak -- [--part PART]... [--minutes N] [--json]

Breaks agents on this host and counts what that costs; root is needed. Parts: ${Object.keys(PARTS).join(', ')}.

  --part PART   run this part; may be given more than once
  --minutes N   how long the parts flood (30) and quiet (20) take
  --json        print the table as JSON
`;

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      part: { type: 'string', multiple: true, default: Object.keys(PARTS) },
      minutes: { type: 'string' },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  const minutes = values.minutes === undefined ? undefined : Number(values.minutes);
  const valid =
    values.part.every((name) => Object.hasOwn(PARTS, name)) && (minutes === undefined || minutes > 0);
  if (values.help || !valid) {
    console.error(USAGE);
    return values.help ? 0 : 2;
  }
  const rows: Row[] = [];
  for (const name of values.part) rows.push(...(await run(name, minutes)));
  console.log(values.json ? JSON.stringify(rows, null, 2) : `\n${renderTable(rows)}`);
  return rows.some(({ verdict }) => verdict === 'failed') ? 1 : 0;
}

async function run(name: string, minutes: number | undefined): Promise<Row[]> {
  console.error(`${name}: started`);
  try {
    const progress = (line: string): void => console.error(line);
    return await PARTS[name]!({ ...(minutes !== undefined && { minutes }), progress });
  } catch (error) {
    console.error(error);
    return [{ name, measured: (error as Error).message.split('\n')[0]!, verdict: 'failed' }];
  }
}

process.exitCode = await main();
