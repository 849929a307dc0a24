/** What of the answers of CRI v1 is used, and what it means. The shapes drop everything else, environments above all. */
import * as z from 'zod/mini';
import type { ContainerRuntime } from '../../sdk/container.ts';
import { parseJson } from './answers.ts';
import { livePid } from './facts.ts';

interface Image {
  readonly image?: string | undefined;
  readonly user_specified_image?: string | undefined;
}

export interface CriContainer {
  readonly id: string;
  readonly pod_sandbox_id?: string | undefined;
  readonly metadata?: { readonly name?: string | undefined } | null | undefined;
  readonly image?: Image | null | undefined;
  readonly image_ref?: string | undefined;
  readonly labels: Readonly<Record<string, string>>;
}

export interface CriSandbox {
  readonly id: string;
  readonly metadata?:
    | { readonly name?: string | undefined; readonly namespace?: string | undefined }
    | null
    | undefined;
  readonly created_at?: string | undefined;
  readonly labels: Readonly<Record<string, string>>;
}

/** What only the status of a container or sandbox tells. */
export interface CriStatus {
  readonly image: string | undefined;
  readonly hostname: string | undefined;
  readonly initPid: number | undefined;
  readonly startTime: string | undefined;
}

const TEXT = z.optional(z.string());
const LABELS = z._default(z.record(z.string(), z.string()), {});
const IMAGE = z.nullish(z.object({ image: TEXT, user_specified_image: TEXT }));

export const CONTAINER: z.ZodMiniType<CriContainer> = z.object({
  id: z.string().check(z.minLength(1)),
  pod_sandbox_id: TEXT,
  metadata: z.nullish(z.object({ name: TEXT })),
  image: IMAGE,
  image_ref: TEXT,
  labels: LABELS,
});

export const SANDBOX: z.ZodMiniType<CriSandbox> = z.object({
  id: z.string().check(z.minLength(1)),
  metadata: z.nullish(z.object({ name: TEXT, namespace: TEXT })),
  created_at: TEXT,
  labels: LABELS,
});

const STATUS = z.object({
  status: z.nullish(z.object({ started_at: TEXT, image: IMAGE })),
  info: LABELS,
});
const INFO = z.object({ pid: z.optional(z.int()), runtimeSpec: z.nullish(z.object({ hostname: TEXT })) });
type Info = z.infer<typeof INFO>;

const RUNTIMES: Readonly<Record<string, ContainerRuntime>> = {
  containerd: 'containerd',
  'cri-o': 'cri-o',
  docker: 'docker',
};

/** @returns undefined for a runtime that is none of ours */
export function runtimeOf(version: object): ContainerRuntime | undefined {
  const { runtime_name: name } = version as { runtime_name?: unknown };
  return typeof name === 'string' && Object.hasOwn(RUNTIMES, name) ? RUNTIMES[name] : undefined;
}

/** @returns undefined when it is not of the shape that CRI and its runtimes give it */
export function statusOf(answer: object): CriStatus | undefined {
  const { success, data } = STATUS.safeParse(answer);
  const info = success ? infoOf(data.info.info) : undefined;
  if (!success || !info) return undefined;
  return {
    image: imageName(data.status?.image),
    hostname: info.runtimeSpec?.hostname,
    initPid: livePid(info.pid),
    startTime: timeOf(data.status?.started_at),
  };
}

/** A runtime that says nothing verbose is fine, one that says something else than JSON objects is not. */
function infoOf(text: string | undefined): Info | undefined {
  if (text === undefined) return {};
  try {
    return INFO.parse(parseJson(Buffer.from(text)));
  } catch {
    return undefined;
  }
}

/** kubelet hands runtimes the image's digest; since 1.29 it adds the name the user wrote. */
export function imageName(image: Image | null | undefined): string | undefined {
  return image?.user_specified_image || image?.image;
}

/** @param time_ns decimal nanoseconds since the epoch; 0 is "not started" */
export function timeOf(time_ns: string | undefined): string | undefined {
  const time_ms = Number(time_ns ?? 0) / 1e6;
  return time_ms > 0 && time_ms < 8.64e15 ? new Date(time_ms).toISOString() : undefined;
}
