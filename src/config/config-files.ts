/** The bytes of configuration files, each read once: what a pipe has said it does not say again. */
import { closeSync, openSync, readSync, statSync } from 'node:fs';
import { HuatuoError } from '../error.ts';
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
    const fd = openSync(file, 'r');
    try {
      // Read, not measured: a pipe (`huatuo check <(…)`) and /dev/zero have no size.
      let used = 0;
      for (let read = -1; read !== 0 && used < bytes.length; used += read)
        read = readSync(fd, bytes, used, bytes.length - used, null);
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
