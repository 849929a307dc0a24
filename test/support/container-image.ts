/** A busybox image as `docker save` writes them, which every engine loads: no registry is asked. */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { makeRootfs } from './container-rootfs.ts';

export const IMAGE = 'localhost/huatuo-test:1';

/** @param directory is made and gets the archive; the caller removes it. @returns the path of the archive */
export function makeImage(directory: string): string {
  const rootfs = join(directory, 'rootfs');
  mkdirSync(directory, { recursive: true });
  makeRootfs(rootfs);
  const layer = join(directory, 'layer.tar');
  tar(layer, rootfs, ['.']);
  const digest = createHash('sha256').update(readFileSync(layer)).digest('hex');
  const config = {
    architecture: process.arch === 'x64' ? 'amd64' : process.arch,
    os: 'linux',
    config: { Cmd: ['sleep', '600'], Env: ['PATH=/bin'] },
    rootfs: { type: 'layers', diff_ids: [`sha256:${digest}`] },
  };
  const manifest = [{ Config: 'config.json', RepoTags: [IMAGE], Layers: ['layer.tar'] }];
  writeFileSync(join(directory, 'config.json'), JSON.stringify(config));
  writeFileSync(join(directory, 'manifest.json'), JSON.stringify(manifest));
  const archive = join(directory, 'image.tar');
  tar(archive, directory, ['manifest.json', 'config.json', 'layer.tar']);
  return archive;
}

function tar(archive: string, directory: string, names: readonly string[]): void {
  execFileSync('tar', ['--create', '--file', archive, '--directory', directory, ...names]);
}
