/**
 * The config file: every key with its default, its bounds and the sentence that explains it. The default file, the
 * JSON Schema, the flags' help and the error messages are all made from here.
 *
 * Keys are what users write (`segment_size: 64MiB`); each section is turned into its part of `EffectiveConfig`
 * (`segment_bytes: 67108864`) by the transform below it.
 */
import { isAbsolute, normalize } from 'node:path';
import * as z from 'zod';
import type { Catalog } from '../catalog/catalog.ts';
import { isSystemDirectory } from '../storage/journal/own-directory.ts';
import { collectorSections } from './collector-schema.ts';
import { containers } from './containers-schema.ts';
import { jsonSchema, type SchemaNode } from './describe.ts';
import type { EffectiveConfig } from './effective.ts';
import { elasticsearch } from './elasticsearch-schema.ts';
import { absolutePath, choice, count, durationMs, flag, section, size } from './fields.ts';
import { reload, web } from './web-schema.ts';

interface ConfigSchema {
  /** Input: the parsed YAML; `{}` gives the defaults. */
  readonly check: z.ZodType<EffectiveConfig>;
  /** Made when it is asked for: an agent that starts without a fault in its file does without. */
  readonly node: SchemaNode;
}

/** Flags, file and help of one command line ask for the same. */
const made = new WeakMap<Catalog, ConfigSchema>();

/** The schema of the whole file for these collectors. */
export function configSchema(catalog: Catalog): ConfigSchema {
  const known = made.get(catalog);
  if (known) return known;
  const check = root(catalog);
  let node: SchemaNode | undefined;
  const schema: ConfigSchema = {
    check,
    get node() {
      node ??= jsonSchema(check);
      return node;
    },
  };
  made.set(catalog, schema);
  return schema;
}

function root(catalog: Catalog): z.ZodType<EffectiveConfig> {
  return z.strictObject({
    region: z
      .string()
      .min(1)
      .max(128)
      .regex(/^[^\p{Cc}\p{Cf}\p{Zl}\p{Zp}]*$/u)
      .default('default')
      .meta({ description: 'Written into every document and every huatuo_bamai_ metric', allowed: 'a name' }),
    hostname: z
      .string()
      .max(253)
      .regex(/^[\w.-]*$/)
      .default('')
      .meta({
        description:
          "Name of this host in documents and huatuo_bamai_ metrics; empty is the kernel's, read again when it changes",
        allowed: 'a host name, or empty',
      }),
    log: log(),
    web: web(),
    reload: reload(),
    path: path(),
    journal: journal(),
    supervisor: supervisor(),
    ring: ring(),
    bpf: bpf(),
    containers: containers(),
    elasticsearch: elasticsearch(),
    collectors: collectorSections(catalog),
  });
}

function log() {
  return section("The agent's own log, on stderr", {
    level: choice({
      of: ['debug', 'info', 'warn', 'error'],
      default: 'info',
      doc: 'Least severe lines that are written',
    }),
    format: choice({
      of: ['auto', 'json', 'pretty'],
      default: 'auto',
      doc: 'auto is pretty on a terminal, else json',
    }),
  });
}

function path() {
  return section('Where things are on this host', {
    procfs: absolutePath({
      default: '/proc',
      doc: "Mount point of procfs; the host's, when the agent runs in a container",
    }),
    sysfs: absolutePath({ default: '/sys', doc: 'Mount point of sysfs' }),
    collectors: z
      .array(z.string().refine(isAbsolute).transform(normalize).meta({ allowed: 'an absolute path' }))
      .max(64)
      .prefault([])
      .meta({ description: 'Directories with collectors of your own', allowed: 'a list of absolute paths' }),
  });
}

function journal() {
  return section('Documents on disk', {
    directory: absolutePath({
      default: '/var/lib/huatuo/journal',
      doc: 'Where documents are written: DIRECTORY/TRACER/SEQUENCE.ndjson',
    }),
    segment_size: size({
      default: '64MiB',
      min: '64KiB',
      max: '16GiB',
      doc: 'A file is closed when the documents in it are this long, compressed or not',
    }),
    segments: count({
      default: 10,
      min: 2,
      max: 100_000,
      doc: 'Bound of each tracer: so many files, or as many more as take no more of the disk than so many that are full and not compressed',
    }),
    total_size: size({
      default: '2GiB',
      min: '64KiB',
      max: '16TiB',
      doc: 'Bound over all tracers; the oldest file goes first, and what is lost is counted',
    }),
    fsync_interval: durationMs({
      default: '1s',
      min: '10ms',
      max: '1h',
      doc: 'Longest time that a power failure can cost; a crash of the agent costs nothing',
    }),
    compression: choice({
      of: ['off', 'sealed', 'live'],
      default: 'sealed',
      doc: 'Zstd, so that more of them fit; zstdcat reads them. sealed: files that are full. live: the one in use too, batch by batch, where the disk is the limit; tail -f shows nothing then, huatuo events -f does',
    }),
  })
    .refine((journal) => !isSystemDirectory(journal.directory), {
      path: ['directory'],
      params: { allowed: 'a directory of its own, such as /var/lib/huatuo/journal' },
    })
    .refine((journal) => journal.total_size >= journal.segment_size, {
      path: ['total_size'],
      params: { allowed: 'no less than journal.segment_size' },
    })
    .transform((journal) => ({
      directory: journal.directory,
      segment_bytes: journal.segment_size,
      segments: journal.segments,
      total_bytes: journal.total_size,
      fsync_interval_ms: journal.fsync_interval,
      compression: journal.compression,
    }));
}

function supervisor() {
  return section('How crashed, failing and hung collectors are treated', {
    restarts: count({
      default: 5,
      max: 1000,
      doc: 'Restarts within restart_window before an actor counts as failed',
    }),
    restart_window: durationMs({
      default: '60s',
      min: '1s',
      max: '1h',
      doc: 'The time over which restarts are counted',
    }),
    backoff_min: durationMs({
      default: '100ms',
      min: '10ms',
      max: '1m',
      doc: 'Wait before the first restart',
    }),
    backoff_max: durationMs({
      default: '30s',
      min: '10ms',
      max: '1h',
      doc: 'Longest wait; it doubles each time',
    }),
    failed_retry: durationMs({
      default: '5m',
      min: '1s',
      max: '1d',
      doc: 'A failed actor is tried again after this time',
    }),
    heartbeat_timeout: durationMs({
      default: '5s',
      min: '2s',
      max: '1h',
      doc: 'An actor that gives no sign of life for so long is hung and replaced',
    }),
    start_timeout: durationMs({
      default: '1m',
      min: '1s',
      max: '1h',
      doc: 'An actor that has not begun to work by then is hung and replaced; raise it on a very slow host',
    }),
    stop_timeout: durationMs({
      default: '5s',
      min: '100ms',
      max: '5m',
      doc: 'Time to read the rings to their end and write everything, when the agent is stopped',
    }),
    memory_limit: size({
      default: '512MiB',
      min: '128MiB',
      max: '64GiB',
      doc: 'Resident memory of the agent above which the thread that has grown most is replaced',
    }),
  })
    .refine((supervisor) => supervisor.backoff_max >= supervisor.backoff_min, {
      path: ['backoff_max'],
      params: { allowed: 'no less than supervisor.backoff_min' },
    })
    .transform((supervisor) => ({
      restarts: supervisor.restarts,
      restart_window_ms: supervisor.restart_window,
      backoff_min_ms: supervisor.backoff_min,
      backoff_max_ms: supervisor.backoff_max,
      failed_retry_ms: supervisor.failed_retry,
      heartbeat_timeout_ms: supervisor.heartbeat_timeout,
      start_timeout_ms: supervisor.start_timeout,
      stop_timeout_ms: supervisor.stop_timeout,
      memory_limit_bytes: supervisor.memory_limit,
    }));
}

function bpf() {
  return section('BPF programs and maps in the kernel', {
    pin: flag({
      default: false,
      doc: 'Programs and rings stay when the agent ends, and the next one reads what they saw meanwhile; huatuo unpin removes them',
    }),
    pin_directory: absolutePath({
      default: '/sys/fs/bpf/huatuo',
      doc: 'Where, on a BPF file system; the usual one is mounted if it is not',
    }),
    stats: flag({
      default: false,
      doc: 'The kernel measures every run of a BPF program, which takes it some 20 ns: huatuo_bpf_program_*',
    }),
  });
}

function ring() {
  return section('From the kernel to the journal', {
    wakeup_age: durationMs({
      default: '100ms',
      min: '1ms',
      max: '1m',
      doc: 'Longest time an event waits to be read',
    }),
    batch_size: size({
      default: '1MiB',
      min: '64KiB',
      max: '64MiB',
      doc: 'Documents sent to the journal at once',
    }),
    batches_in_flight: count({
      default: 4,
      min: 1,
      max: 64,
      doc: 'Batches a collector may send ahead of the disk',
    }),
  }).transform((ring) => ({
    wakeup_age_ms: ring.wakeup_age,
    batch_bytes: ring.batch_size,
    batches_in_flight: ring.batches_in_flight,
  }));
}
