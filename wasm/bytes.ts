/**
 * Copying text. Every writer takes the address to write to and returns the address behind what it wrote. Copies move
 * 16 bytes at a time and overshoot the end; the next writer overwrites the surplus, the output's slack takes the last.
 */

/** 16 UTF-16 units at `from`, all below 128, become 16 bytes at `o`. */
@inline
function narrow(o: usize, from: usize): void {
  v128.store(o, v128.narrow<i16>(v128.load(from), v128.load(from, 16)));
}

/**
 * Writes a string literal. `bytes` is its length, repeated as a number because the compiler folds it away: up to 64
 * bytes become straight code without a branch.
 */
@inline
export function text(o: usize, ascii: string, bytes: usize): usize {
  const from = changetype<usize>(ascii);
  narrow(o, from);
  if (bytes > 16) narrow(o + 16, from + 32);
  if (bytes > 32) narrow(o + 32, from + 64);
  if (bytes > 48) narrow(o + 48, from + 96);
  for (let done: usize = 64; done < bytes; done += 16) narrow(o + done, from + done * 2);
  return o + bytes;
}

/** Copies `bytes` bytes; reads and writes up to 63 bytes more. */
@inline
export function copy(o: usize, from: usize, bytes: usize): usize {
  const end = o + bytes;
  while (o < end) {
    v128.store(o, v128.load(from));
    v128.store(o, v128.load(from, 16), 16);
    v128.store(o, v128.load(from, 32), 32);
    v128.store(o, v128.load(from, 48), 48);
    o += 64;
    from += 64;
  }
  return end;
}

@inline
export function byte(o: usize, value: u32): usize {
  store<u8>(o, value);
  return o + 1;
}
