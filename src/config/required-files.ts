/** Files that a configuration names, and that have to be there when the agent comes to need them. */
import { accessSync, constants } from 'node:fs';
import type { EffectiveConfig } from './effective.ts';
import type { Fault } from './explain.ts';

/** @returns a fault for each of them that cannot be read */
export function missingFiles({ elasticsearch, web }: EffectiveConfig): Fault[] {
  const { passwordFile, apiKeyFile, ca, clientCertificate, clientKey } = elasticsearch.credentials;
  const shipped = {
    password_file: passwordFile,
    api_key_file: apiKeyFile,
    ca,
    client_certificate: clientCertificate,
    client_key: clientKey,
  };
  return [
    ...fault(['web', 'config_file'], web.config_file),
    ...(elasticsearch.hosts.length === 0
      ? []
      : Object.entries(shipped).flatMap(([key, file]) => fault(['elasticsearch', key], file))),
  ];
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
