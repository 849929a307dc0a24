/** A document of an autotracer in a few lines: whom it is about, what triggered it, and who is in it. */
import type { JournalDocument } from '../support/journal-reader.ts';

const MOST = 3;
/** Fields of rows that name a process, or what it has used. */
const [NAMES, IDS] = [
  ['comm', 'ProcessName'],
  ['pid', 'PID'],
] as const;
const AMOUNTS = [
  'percent',
  'MemSize',
  'growth_bytes',
  'total_disk_read_bps',
  'total_disk_write_bps',
  'wchan',
];

type Fields = Readonly<Record<string, unknown>>;

/** A container, a unit, a disk, or the host. */
export function subjectIn({ fields, data }: JournalDocument): string {
  const { container_id, container_name, systemd_unit } = fields;
  if (container_id !== undefined)
    return `container ${container_name ?? ''} ${String(container_id).slice(0, 12)}`;
  if (systemd_unit !== undefined) return `unit ${systemd_unit}`;
  const disk = (data.reason_snapshot as Fields | undefined)?.device;
  return disk === undefined ? 'host' : `disk ${disk}`;
}

/** What triggered it: its plain values, and the sentence of a disk. */
export function triggerIn({ data }: JournalDocument): string {
  const plain = Object.entries(data).filter(
    ([key, value]) => ['number', 'boolean', 'string'].includes(typeof value) && key !== 'stack',
  );
  const summary = (data.reason_snapshot as Fields | undefined)?.summary;
  return [
    ...(summary === undefined ? [] : [String(summary)]),
    ...plain.map(([key, value]) => `${key}=${typeof value === 'number' ? Number(value.toFixed(1)) : value}`),
  ].join(' ');
}

/** The first rows of each of its lists, and the largest processes of its flame graph. */
export function culpritsIn({ data }: JournalDocument): string {
  const lists = Object.entries(data).flatMap(([key, value]) => {
    if (!Array.isArray(value) || key === 'flamedata') return [];
    const rows = (value as readonly Fields[]).slice(0, MOST).map(rowText);
    return rows.length === 0 || rows.includes('') ? [] : [`${key}: ${rows.join(', ')}`];
  });
  const flames = ((data.flamedata ?? []) as readonly Fields[])
    .filter(({ level }) => level === 1)
    .toSorted((a, b) => Number(b.value) - Number(a.value))
    .slice(0, MOST)
    .map(({ label, value }) => `${label} ${value}`);
  return [...lists, ...(flames.length === 0 ? [] : [`flame graph: ${flames.join(', ')}`])].join('; ');
}

function rowText(row: Fields): string {
  const name = NAMES.map((key) => row[key]).find((value) => value !== undefined);
  if (name === undefined) return '';
  const id = IDS.map((key) => row[key]).find((value) => value !== undefined);
  const amounts = AMOUNTS.filter((key) => row[key] !== undefined).map((key) => `${key} ${row[key]}`);
  return [`${name} (${id})`, ...amounts].join(' ');
}
