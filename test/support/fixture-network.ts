/** Networks of a made-up host: files of process 1, and of the init processes of containers in namespaces of their own. */
import { mkdirSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import type { Container } from '../../src/sdk/container.ts';
import type { FixtureProc } from './fixture-proc.ts';
import { container } from './harness-containers.ts';

type Files = Readonly<Record<string, string>>;

/** @param files contents by path below `net` */
export function hostNetworkFiles(proc: FixtureProc, files: Files): void {
  writeFiles(proc, 1, { dev: '', ...files });
}

/**
 * A container in a network namespace.
 * @param netnsInode two with the same one share it, as those of a pod do; then the files of the first count
 */
export function networkContainer(
  proc: FixtureProc,
  id: string,
  { initPid, netnsInode }: { readonly initPid: number; readonly netnsInode: number },
  files: Files,
): Container {
  writeFiles(proc, initPid, { dev: '', ...files });
  linkNamespace(proc, initPid, netnsInode);
  return { ...container(id, {}), initPid, netnsInode };
}

/** A container in the network of the host: its process shows the files of process 1. */
export function hostNetworkContainer(proc: FixtureProc, id: string, initPid: number): Container {
  mkdirSync(join(proc.directory, String(initPid)), { recursive: true });
  symlinkSync('../1/net', join(proc.directory, String(initPid), 'net'));
  linkNamespace(proc, initPid, HOST_INODE);
  return { ...container(id, {}), initPid, netnsInode: HOST_INODE };
}

const HOST_INODE = 4026531840;

function writeFiles(proc: FixtureProc, pid: number, files: Files): void {
  for (const [path, text] of Object.entries(files)) proc.write(`${pid}/net/${path}`, text);
}

function linkNamespace(proc: FixtureProc, pid: number, inode: number): void {
  mkdirSync(join(proc.directory, String(pid), 'ns'), { recursive: true });
  symlinkSync(`net:[${inode}]`, join(proc.directory, String(pid), 'ns/net'));
}
