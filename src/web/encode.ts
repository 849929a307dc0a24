/** Compresses an answer, on a thread of libuv's pool. */
import { promisify } from 'node:util';
import { gzip, zstdCompress } from 'node:zlib';
import type { Encoding } from './negotiate.ts';

/** A page is text that repeats itself: more effort takes three times as long for a tenth of the bytes. */
const GZIP_LEVEL = 1;

const ENCODERS = {
  identity: async (body: Buffer<ArrayBuffer>) => body,
  gzip: (body: Buffer<ArrayBuffer>) => promisify(gzip)(body, { level: GZIP_LEVEL }),
  zstd: (body: Buffer<ArrayBuffer>) => promisify(zstdCompress)(body),
};

export function encode(body: Buffer<ArrayBuffer>, encoding: Encoding): Promise<Buffer<ArrayBuffer>> {
  return ENCODERS[encoding](body);
}
