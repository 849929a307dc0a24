/**
 * Frames of user stacks as the kernel writes them, `struct bpf_stack_build_id`: {s32 status, u8 build_id[20], u64 offset}.
 * The status ends the stack with 0; with 2 there is no build id, and an address in place of the offset: code that is in no
 * file, or whose file could not be looked into at that moment.
 */

export const USER_FRAME_BYTES = 32;
const BUILD_ID_AT = 4;
const OFFSET_AT = 24;
const END = 0;
const BUILD_ID = 1;
const ADDRESS = 2;
const TEXT = /^(?:([0-9a-f]{40})\+)?0x([0-9a-f]{1,16})$/;

/** A place in a file. */
export interface UserFrame {
  /** Of the file, 40 hexadecimal digits; a shorter one has zeros behind it. */
  readonly buildId: string;
  readonly offset: bigint;
}

/** @param bytes of one frame with a build id */
export function parseUserFrame(bytes: Uint8Array): UserFrame {
  const frame = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return { buildId: frame.toString('hex', BUILD_ID_AT, OFFSET_AT), offset: frame.readBigUInt64LE(OFFSET_AT) };
}

/**
 * The frames of a stack in a map, innermost first, up to its end.
 * @returns `<build id>+0x<offset>` for each, or `0x<address>`
 */
export function userStack(view: DataView, at: number, length: number): string[] {
  const texts: string[] = [];
  for (let index = 0; index < length; index++) {
    const start = at + index * USER_FRAME_BYTES;
    const status = view.getInt32(start, true);
    if (status === END) break;
    const { buildId, offset } = parseUserFrame(
      new Uint8Array(view.buffer, view.byteOffset + start, USER_FRAME_BYTES),
    );
    texts.push(`${status === ADDRESS ? '' : `${buildId}+`}0x${offset.toString(16)}`);
  }
  return texts;
}

/** The place in a file of a frame of `userStack`; undefined for an address. */
export function placeOf(text: string): UserFrame | undefined {
  const [, buildId, offset = ''] = TEXT.exec(text) ?? [];
  return buildId === undefined ? undefined : { buildId, offset: BigInt(`0x${offset}`) };
}

/** The inverse of `userStack`, of one frame; undefined for other text. */
export function userFrameBytes(text: string): Uint8Array | undefined {
  const [, buildId, offset] = TEXT.exec(text) ?? [];
  if (offset === undefined) return undefined;
  const frame = Buffer.alloc(USER_FRAME_BYTES);
  frame.writeInt32LE(buildId === undefined ? ADDRESS : BUILD_ID, 0);
  frame.write(buildId ?? '', BUILD_ID_AT, 'hex');
  frame.writeBigUInt64LE(BigInt(`0x${offset}`), OFFSET_AT);
  return frame;
}
