/**
 * What an event has looked up: which kinds of text stand for which of its fields. The build gives these numbers to the
 * decoder, the host reads the decoder's questions by them, and both get them from here.
 */
import type { EventLayout, FieldLayout } from '../schema/manifest.ts';
import { structsOf } from '../schema/variants.ts';

/** One kind of question. Hierarchies and enums are told apart, because the same number means another thing in each. */
export type LookupKind =
  /** cgroup id → members that name the container, in the envelope. */
  | { readonly type: 'owner'; readonly controller: string | undefined }
  /** Inode of a network namespace → the same members, for records without a cgroup. */
  | { readonly type: 'netns_owner' }
  /** cgroup id → `container_id` and `container_hostname`, beside the id. */
  | { readonly type: 'owner_names'; readonly controller: string | undefined }
  /** Address → `"symbol+0xoff"`. */
  | { readonly type: 'kernel_frame' }
  /** Build id and offset → `"symbol+0xoff"`. */
  | { readonly type: 'user_frame' }
  /** Value of an enum of the running kernel → `"NAME"`. */
  | { readonly type: 'kernel_enum'; readonly name: string }
  /** dev_t → `"sda"`. */
  | { readonly type: 'block_dev' }
  /** Network namespace (high 32 bits, 0: the host's) and interface index → `"eth0"`. */
  | { readonly type: 'netdev' }
  /** Inode of a network namespace → its name. */
  | { readonly type: 'netns' };

/** Number of the envelope's owner, whether the event has one or not. */
export const OWNER = 1;

/** A decoder asks for this text. */
export interface Lookup {
  /** Index into `lookupKinds` of the layout, plus one. */
  readonly kind: number;
  /** What is looked up; for a user frame the hash of `frame`. */
  readonly key: bigint;
  /** User frame: `struct bpf_stack_build_id`. */
  readonly frame?: Uint8Array;
  /** A process of the record that helps to find out: of the frame, or in the namespace. 0 when the record has none. */
  readonly process: number;
}

/** Longest text of each kind. A decoder reserves it for each field, so nothing needs to be checked when it is written. */
export const MAX_TEXT_BYTES: Readonly<Record<LookupKind['type'], number>> = {
  owner: 4096,
  netns_owner: 4096,
  owner_names: 4096,
  // A name of 512 bytes, the build id or the offset, quotes.
  kernel_frame: 536,
  user_frame: 536,
  kernel_enum: 136,
  block_dev: 136,
  netdev: 136,
  netns: 136,
};

/** @returns the kinds of an event in the order of its structs and their fields; the number of a kind is its index plus one */
export function lookupKinds(layout: EventLayout): readonly LookupKind[] {
  const fields = structsOf(layout).flatMap((struct) => struct.fields);
  const owner = ownerField(layout.fields);
  const kinds: LookupKind[] = [{ type: 'owner', controller: owner?.controller }];
  if (netnsField(layout)) kinds.push({ type: 'netns_owner' });
  const visit = (field: FieldLayout): void => {
    const kind = kindOf(field);
    if (kind && numberOf(kinds, kind) === 0) kinds.push(kind);
    for (const inner of field.fields ?? []) visit(inner);
  };
  for (const field of fields) visit(field);
  return kinds;
}

/** Number of a field's kind among `kinds`; 0 when it is printed as it is. */
export function lookupNumber(kinds: readonly LookupKind[], field: FieldLayout): number {
  const kind = kindOf(field);
  return kind ? numberOf(kinds, kind) : 0;
}

/** The field that says whose the document is: the first cgroup id at the top. */
export function ownerField(fields: readonly FieldLayout[]): FieldLayout | undefined {
  return fields.find((field) => field.format === 'cgroup_id' && field.length === undefined);
}

/** The field that says whose the document is when the cgroup is not known: the network namespace at the top. */
export function netnsField({ fields, variants }: EventLayout): FieldLayout | undefined {
  return variants
    ? undefined
    : fields.find(({ format, length }) => format === 'netns' && length === undefined);
}

function numberOf(kinds: readonly LookupKind[], kind: LookupKind): number {
  const text = JSON.stringify(kind);
  return kinds.findIndex((candidate) => JSON.stringify(candidate) === text) + 1;
}

function kindOf(field: FieldLayout): LookupKind | undefined {
  switch (field.format) {
    case 'cgroup_id':
      return field.owner ? { type: 'owner_names', controller: field.controller } : undefined;
    case 'kstack':
    case 'kframe':
      return { type: 'kernel_frame' };
    case 'ustack':
      return { type: 'user_frame' };
    case 'kernel_enum':
      return { type: 'kernel_enum', name: field.kernelEnum ?? '' };
    case 'block_dev':
    case 'netdev':
    case 'netns':
      return { type: field.format };
    default:
      return undefined;
  }
}
