/** The bytes of configuration files, each read once: what a pipe has said it does not say again. */
import {
  closeSync,
  constants,
  fstatSync,
  openSync,
  readlinkSync,
  readSync,
  statSync,
  writeSync,
} from 'node:fs';
import { HuatuoError } from '../error.ts';
import { printable } from '../text.ts';
import { MAX_BYTES, parseYaml, type YamlFile } from './yaml-file.ts';

export class ConfigFiles {
  readonly #regularOnly: boolean;
  readonly #read = new Map<string, Buffer>();

  /** @param options.regularOnly for a reload: a pipe was read at the start, and is empty or waits for ever now */
  constructor({ regularOnly = false }: { readonly regularOnly?: boolean } = {}) {
    this.#regularOnly = regularOnly;
  }

  /**
   * Reads and parses a file of at most 1 MiB.
   * @throws HuatuoError CONFIG_UNREADABLE; ConfigError when it is not one YAML document in UTF-8
   */
  yaml(file: string): YamlFile {
    let bytes = this.#read.get(file);
    if (!bytes) {
      if (this.#regularOnly) refuseIrregular(file);
      bytes = readBounded(file);
      this.#read.set(file, bytes);
    }
    return parseYaml(file, bytes);
  }
}

const POLL_MS = 20;
const SAY_AFTER_MS = 1000;

/** Waits of one reading, in which the user is told once what is waited for. */
interface Wait {
  /** A writer has the file open and has written nothing yet. */
  forText(): void;
  /** There is none. @returns false when none can come: the file has ended */
  forWriter(): boolean;
}

function writerWait(file: string, fd: number): Wait {
  const stats = fstatSync(fd);
  // A pipe without a name, as of `<(…)`: who opened it for writing has it, and another cannot.
  const isNamed = stats.isFIFO() && !readlinkSync(`/proc/self/fd/${fd}`).startsWith('pipe:');
  const start_ms = performance.now();
  let [hadWriter, isSaid] = [false, false];
  const pause = (what: string): void => {
    if (!isSaid && performance.now() - start_ms > SAY_AFTER_MS) {
      isSaid = true;
      // At once, from whichever thread: this one stands still.
      writeSync(2, `huatuo: waiting for ${what} ${printable(file)}\n`);
    }
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, POLL_MS);
  };
  return {
    forText: () => {
      hadWriter = true;
      pause('the end of');
    },
    forWriter: () => {
      if (!isNamed || hadWriter) return false;
      pause('a process that writes the configuration to the FIFO');
      return true;
    },
  };
}

function readSome(fd: number, into: Buffer): number | 'nothing yet' {
  try {
    return readSync(fd, into, 0, into.length, null);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EAGAIN') return 'nothing yet';
    throw error;
  }
}

function refuseIrregular(file: string): void {
  // What is missing is told by the attempt to read it.
  if (statSync(file, { throwIfNoEntry: false })?.isFile() ?? true) return;
  throw new HuatuoError('CONFIG_UNREADABLE', {
    expected: 'a regular file to read the configuration from again',
    found: `${file}, which is none`,
    remedy: 'start the agent with --config.file FILE to be able to reload',
  });
}

function readBounded(file: string): Buffer {
  const bytes = Buffer.allocUnsafe(MAX_BYTES + 1);
  try {
    // Not blocking: opening a FIFO would wait for a writer, and nothing could be said meanwhile.
    const fd = openSync(file, constants.O_RDONLY | constants.O_NONBLOCK);
    try {
      const wait = writerWait(file, fd);
      // Read, not measured: a pipe (`huatuo check <(…)`) and /dev/zero have no size.
      let used = 0;
      while (used < bytes.length) {
        const read = readSome(fd, bytes.subarray(used));
        if (read === 'nothing yet') wait.forText();
        else if (read > 0) used += read;
        else if (used > 0 || !wait.forWriter()) break;
      }
      return bytes.subarray(0, used);
    } finally {
      closeSync(fd);
    }
  } catch (cause) {
    throw new HuatuoError('CONFIG_UNREADABLE', {
      expected: 'a readable configuration file',
      found: cause instanceof Error ? cause.message : String(cause),
      remedy: 'name another with --config.file, or make one: huatuo check --default > FILE',
      cause,
    });
  }
}
