/** The agent under test: its service, its documents, its metrics. */
import { copyFileSync, existsSync, mkdirSync, writeFileSync } from 'node:fs';
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
collectors:
  dropwatch: { enabled: true }
  tcp_retransmit: { enabled: true }
  memory_slab: { enabled: true }
  netdev_ethtool: { enabled: true }
  netdev_hw: { enabled: true }
`;

/** @param softirqThreshold low ones make documents without end */
export function configure(softirqThreshold: string): void {
  mkdirSync('/etc/huatuo', { recursive: true });
  const softirq = `  softirq: { threshold: ${softirqThreshold}, cpu: { quota: 50% } }\n`;
  writeFileSync('/etc/huatuo/huatuo.yaml', CONFIGURATION + softirq);
}

/** Installs the unit as it is, and a drop-in with patience. */
export async function installUnit(): Promise<void> {
  copyFileSync(at('packaging/huatuo.service'), UNIT);
  mkdirSync(`${UNIT}.d`, { recursive: true });
  writeFileSync(
    `${UNIT}.d/slow.conf`,
    '[Service]\nTimeoutStartSec=900\nTimeoutStopSec=300\nWatchdogSec=900\n',
  );
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

/** One scrape; the first loads the modules of all collectors of files. @returns value by `name{labels}`, without the labels of the host */
export async function scrape(): Promise<Map<string, number>> {
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

export function documents(collector: string): JournalDocument[] {
  return existsSync(`${JOURNAL}/${collector}`) ? readDocuments(JOURNAL, collector) : [];
}

/** The first document of the collector, present or to come, that is what is looked for. */
export function document(
  collector: string,
  isWanted: (found: JournalDocument) => boolean,
): Promise<JournalDocument | undefined> {
  return eventually(5, () => documents(collector).find(isWanted));
}
