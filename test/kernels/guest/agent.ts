/** The agent under test: its service, its documents, its metrics. */
import { copyFileSync, existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { at } from '../../../src/paths.ts';
import type { StatusDocument } from '../../../src/web/status.ts';
import { type JournalDocument, readDocuments } from '../../support/journal-reader.ts';
import { eventually, run } from './commands.ts';

const ADDRESS = 'http://127.0.0.1:19704';
const JOURNAL = '/var/lib/huatuo/journal';
const UNIT = '/etc/systemd/system/huatuo.service';

/** Patience for an emulated CPU; every collector runs, those that are off by default too. */
const CONFIGURATION = `
web: { scrape_timeout: 60s }
supervisor: { heartbeat_timeout: 10m, start_timeout: 15m, stop_timeout: 60s }
containers: { wait: 5s, timeout: 1m }
`;

/** Their captures, of what the suite itself does, would cost more than all else. */
const AUTOTRACERS = ['cpuidle', 'cpusys', 'dload', 'iotracing', 'memburst', 'waitrate'];

/** They look often and over a short time, and may take as much CPU time as an emulated one needs. */
const EAGER =
  'every: 5s, cooldown: 10s, captures_per_hour: 60, capture_cpu_per_hour: 1h, deadline: 5m, profile: 3s';
const CAPTURES = `
  cpuidle: { ${EAGER}, user_percent: 40, user_percent_delta: 20, total_percent: 40, total_percent_delta: 20 }
  cpusys: { ${EAGER}, system_percent: 15, system_percent_delta: 8 }
  dload: { ${EAGER.replace(', profile: 3s', '')}, window: 2, threshold: 1, average: 1s }
  iotracing: { ${EAGER}, util_percent: 5, await: 1ms }
  memburst: { ${EAGER}, window: 3, ratio: 1.5, share: 0.1, floor: 32MiB }
  waitrate: { ${EAGER}, window: 4 }
`;

interface Settings {
  /** `low` ones make documents without end; `high` ones let the ledger close. */
  readonly thresholds: 'low' | 'high';
  readonly pin?: boolean;
}

export function configure({ thresholds, pin = false }: Settings): void {
  const [short, tick] = thresholds === 'low' ? ['1us', '50ms'] : ['10s', '10s'];
  const few = 'max_events_per_second_per_cpu: 2';
  const collectors = `
  softirq: { threshold: ${short}, ${few}, cpu: { quota: 50% } }
  memory_reclaim_events: { threshold: ${short}, ${few} }
  net_rx_latency: { tcp_threshold: ${short}, usercopy_threshold: ${short}, ${few} }
  sched_tick: { threshold: ${tick}, scheduling_threshold: ${tick}, ${few} }
  dropwatch: { enabled: true }
  tcp_retransmit: { enabled: true }
  memory_slab: { enabled: true }
  netdev_ethtool: { enabled: true, counter_include: '' }
  netdev_hw: { enabled: true }
${AUTOTRACERS.map((name) => `  ${name}: { every: 5m }\n`).join('')}`;
  write(`bpf: { pin: ${pin} }\ncollectors:${collectors}`);
}

/** Autotracers whose limits are those of an emulated CPU, and no other collector. */
export function configureCaptures(others: readonly string[]): void {
  const off = others.filter((name) => !AUTOTRACERS.includes(name));
  write(`collectors:${CAPTURES}${off.map((name) => `  ${name}: { enabled: false }\n`).join('')}`);
}

function write(text: string): void {
  mkdirSync('/etc/huatuo', { recursive: true });
  writeFileSync('/etc/huatuo/huatuo.yaml', `${CONFIGURATION}${text}`);
}

/**
 * Installs the unit as it is, with a drop-in.
 * @param lines of its section Service, beside patience
 */
export async function installUnit(...lines: string[]): Promise<void> {
  copyFileSync(at('packaging/huatuo.service'), UNIT);
  rmSync(`${UNIT}.d`, { recursive: true, force: true });
  mkdirSync(`${UNIT}.d`, { recursive: true });
  const patience = ['TimeoutStartSec=900', 'TimeoutStopSec=300', 'WatchdogSec=900'];
  writeFileSync(`${UNIT}.d/matrix.conf`, ['[Service]', ...patience, ...lines, ''].join('\n'));
  await run('systemctl', 'daemon-reload');
}

export async function status(): Promise<StatusDocument | undefined> {
  try {
    const response = await fetch(`${ADDRESS}/api/v1/status`);
    return response.ok ? ((await response.json()) as StatusDocument) : undefined;
  } catch {
    return undefined;
  }
}

/** Waits until no actor is starting. */
export function settled(): Promise<StatusDocument | undefined> {
  return eventually(30, async () => {
    const now = await status();
    const isSettled = now?.actors?.length && now.actors.every(({ state }) => state !== 'starting');
    return isSettled ? now : undefined;
  });
}

/** Labels that every sample has. */
const OF_HOST = /,?(?:region|host)="[^"]*"/g;

/** Value by `name{labels}`, without the labels of the host. */
export type Page = ReadonlyMap<string, number>;

/** One scrape; the first loads the modules of all collectors of files. */
export async function scrape(): Promise<Page> {
  const response = await fetch(`${ADDRESS}/metrics`);
  const text = await response.text();
  if (!response.ok) throw new Error(`expected a page of metrics, found ${response.status}: ${text}`);
  const samples = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  return new Map(
    samples.map((line) => {
      const [, series = '', value = ''] = /^(\S+?(?:\{.*\})?) (\S+)/.exec(line) ?? [];
      return [series.replaceAll(OF_HOST, '').replace('{,', '{').replace('{}', ''), Number(value)];
    }),
  );
}

function documents(collector: string): JournalDocument[] {
  return existsSync(`${JOURNAL}/${collector}`) ? readDocuments(JOURNAL, collector) : [];
}

/** The first document of the collector, present or to come, that is what is looked for. */
export function document(
  collector: string,
  isWanted: (found: JournalDocument) => boolean,
): Promise<JournalDocument | undefined> {
  return fromDocuments(collector, 3, (found) => (isWanted(found) ? found : undefined));
}

/**
 * What the first document has to say that says anything.
 * @param seconds on a machine that is not emulated
 */
export function fromDocuments<T>(
  collector: string,
  seconds: number,
  read: (found: JournalDocument) => T | undefined,
): Promise<T | undefined> {
  return eventually(seconds, () => {
    for (const found of documents(collector)) {
      const said = read(found);
      if (said !== undefined) return said;
    }
    return undefined;
  });
}
