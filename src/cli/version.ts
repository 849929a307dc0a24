/** Which agent this is, on what. */
import { arch, release } from 'node:os';
import { version as agent } from '../version.ts';

interface Version {
  readonly version: string;
  readonly node: string;
  readonly kernel: string;
  readonly arch: string;
}

/** Version of the package, of the Node that runs it and of the kernel. */
export function version(): Version {
  return { version: agent, node: process.version, kernel: release(), arch: arch() };
}

/** `huatuo 1.2.3 (Node v26.10.0, Linux 6.18.44, x64)` */
export function formatVersion({ version, node, kernel, arch }: Version): string {
  return `huatuo ${version} (Node ${node}, Linux ${kernel}, ${arch})`;
}
