/** Files that a configuration names, and that have to be there when the agent comes to need them. */
import { accessSync, constants, existsSync } from 'node:fs';
import { join } from 'node:path';
import { BOOT_ID } from '../procfs/boot-id.ts';
import type { EffectiveConfig } from './effective.ts';
import type { Fault } from './explain.ts';

/** @returns a fault for each of them that cannot be read */
export function missingFiles({ elasticsearch, web, path }: EffectiveConfig): Fault[] {
  const { passwordFile, apiKeyFile, ca, clientCertificate, clientKey } = elasticsearch.credentials;
  const shipped = {
    password_file: passwordFile,
    api_key_file: apiKeyFile,
    ca,
    client_certificate: clientCertificate,
    client_key: clientKey,
  };
  return [
    ...notMounted('procfs', path.procfs, BOOT_ID),
    ...notMounted('sysfs', path.sysfs, 'kernel'),
    ...fault(['web', 'config_file'], web.config_file),
    ...(elasticsearch.hosts.length === 0
      ? []
      : Object.entries(shipped).flatMap(([key, file]) => fault(['elasticsearch', key], file))),
  ];
}

/** @param sign what such a file system has on every host */
function notMounted(name: 'procfs' | 'sysfs', directory: string, sign: string): Fault[] {
  if (existsSync(join(directory, sign))) return [];
  const params = { allowed: `the mount point of ${name} (it has no ${sign})` };
  return [{ code: 'custom', path: ['path', name], message: `no ${name}`, params }];
}

function fault(path: string[], file: string): Fault[] {
  if (file === '') return [];
  try {
    accessSync(file, constants.R_OK);
    return [];
  } catch (error) {
    const message = (error as NodeJS.ErrnoException).code ?? String(error);
    return [{ code: 'custom', path, message, params: { allowed: `a file that can be read (${message})` } }];
  }
}
