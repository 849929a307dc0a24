/**
 * `npm run bench`: the figures the design promises, measured side by side with a reference where there is one.
 *
 * A goal that is missed is a result and ends with exit code 0; a part that could not run ends with 1.
 */

import console from 'node:console';
import { parseArgs } from 'node:util';
import { COSTS_FILE } from '../../src/build/costs.ts';
import { keepClock } from '../../src/kernel/clock-keeper.ts';
import { at } from '../../src/paths.ts';
import { benchCompression } from './compression.ts';
import { benchContainers } from './containers.ts';
import { benchEncode } from './encode.ts';
import { benchFlags } from './flags.ts';
import { benchIdle } from './idle.ts';
import { benchLookups } from './lookups.ts';
import { benchPipeline } from './pipeline.ts';
import { benchPrecapture } from './precapture.ts';
import { benchProbes } from './probes.ts';
import { benchProfile } from './profile.ts';
import { type Row, renderTable } from './report.ts';
import { benchScrape } from './scrape.ts';
import { benchShipping } from './shipping.ts';
import { benchStorms } from './storms.ts';
import { benchThreads } from './threads.ts';
import { benchWalk } from './walk.ts';
import type { BenchOptions } from './workspace.ts';

keepClock();

const PARTS: Readonly<Record<string, (options: BenchOptions) => Promise<Row[]>>> = {
  walk: benchWalk,
  encode: benchEncode,
  containers: benchContainers,
  lookups: benchLookups,
  pipeline: benchPipeline,
  flags: benchFlags,
  threads: benchThreads,
  scrape: benchScrape,
  idle: benchIdle,
  probes: benchProbes,
  storms: benchStorms,
  profile: benchProfile,
  precapture: benchPrecapture,
  shipping: benchShipping,
  compression: benchCompression,
};

const USAGE = `Usage: npm run bench -- [--only PART]... [--json] [--directory DIR] [--flood-seconds N] [--idle-seconds N] [--megabytes N] [--costs FILE]

Measures on this host; root is needed. Parts: ${Object.keys(PARTS).join(', ')}.

  --only PART         run this part; may be given more than once
  --json              print the table as JSON
  --directory DIR     where journals are written, which decides which disk is measured
  --flood-seconds N   how long each event rate is held
  --idle-seconds N    how long each idle agent is watched; 600 shows what heaps gather
  --megabytes N       size of the journals that are shipped to Elasticsearch and read back
  --costs FILE        with probes: only what a run of each program costs, for the documentation (${COSTS_FILE})
`;

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      only: { type: 'string', multiple: true, default: Object.keys(PARTS) },
      json: { type: 'boolean', default: false },
      directory: { type: 'string', default: at('dist') },
      'flood-seconds': { type: 'string', default: '10' },
      'idle-seconds': { type: 'string', default: '30' },
      megabytes: { type: 'string', default: '1000' },
      costs: { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  });
  const seconds = [values['flood-seconds'], values['idle-seconds'], values.megabytes].map(Number);
  const valid = values.only.every((name) => Object.hasOwn(PARTS, name)) && seconds.every((n) => n >= 1);
  if (values.help || !valid) {
    console.error(USAGE);
    return values.help ? 0 : 2;
  }
  const options: BenchOptions = {
    directory: values.directory,
    flood_seconds: seconds[0]!,
    idle_seconds: seconds[1]!,
    shipping_megabytes: seconds[2]!,
    ...(values.costs !== undefined && { costs: values.costs }),
    progress: (line) => console.error(line),
  };
  const rows: Row[] = [];
  for (const name of values.only) rows.push(...(await run(name, options)));
  console.log(values.json ? JSON.stringify(rows, null, 2) : `\n${renderTable(rows)}`);
  return rows.some(({ verdict }) => verdict === 'failed') ? 1 : 0;
}

async function run(name: string, options: BenchOptions): Promise<Row[]> {
  options.progress(`${name}: started`);
  try {
    return await PARTS[name]!(options);
  } catch (error) {
    return [{ name, measured: (error as Error).message.split('\n')[0]!, verdict: 'failed' }];
  }
}

process.exitCode = await main();
