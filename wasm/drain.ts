/**
 * The loop: from the read position to the producer position, one document for each record.
 *
 * Everything that can go wrong is looked at here, once for each record and before the first byte is written: the header,
 * the length of the record, the room for the longest document it could become. What the generated writer does afterwards needs
 * no checks; a look-up that misses writes nothing, and the line is dropped when it is finished. When the loop stops, whatever the reason, the read position is that of the first
 * record without a document and the output ends with a whole line, so the caller can answer and call again.
 */
import { copy } from './bytes';
import { envelope } from './envelope';
import { find, miss, textAddress, textBytes } from './lookups';
import {
  BUSY,
  DATA_PTR,
  DISCARDED,
  DOCUMENTS,
  EMPTY,
  END_BEYOND_PRODUCER,
  ENVELOPE_BYTES,
  LENGTH_BEYOND_RING,
  LOOKUP_MISS,
  MALFORMED,
  MAX_OWNER_BYTES,
  MISSES,
  OUTPUT_BYTES,
  OUTPUT_FULL,
  OUTPUT_PTR,
  OUTPUT_USED,
  READ_POSITION,
  RING_BYTES,
  STATUS,
  WALL_OFFSET_NS,
} from './memory';
import {
  BUSY_BIT,
  corrupt,
  DISCARD_BIT,
  HEADER_BYTES,
  LENGTH_BITS,
  positionsHold,
  producerPosition,
  stride,
} from './ring';

/** The kind of the look-up that says whose the document is. */
const OWNER: u32 = 1;

/**
 * @param T class over a record: `time_ns`, `cgroupId` (0: the host, or not known), `netns` (0: none) and its kind of look-up, `looksUp` (whether `write` looks
 * anything up) and `fits(length)` (whether a record of so many bytes is sound) and `write(o)`, which writes `,"tracer_data":…` and the end of the line. A type parameter, so that the compiler puts its code into the loop.
 * @param maxDataBytes the most that `write` writes
 */
@inline
export function drain<T>(maxDataBytes: usize): void {
  store<u32>(DOCUMENTS, 0);
  store<u32>(MALFORMED, 0);
  store<u32>(DISCARDED, 0);
  store<u32>(MISSES, 0);
  const producer = producerPosition();
  let position = load<u64>(READ_POSITION);
  if (!positionsHold(position, producer)) return;

  const data: usize = load<u32>(DATA_PTR);
  const ringBytes = load<u32>(RING_BYTES);
  const mask: u64 = ringBytes - 1;
  const wallOffset_ns = load<u64>(WALL_OFFSET_NS);
  const output: usize = load<u32>(OUTPUT_PTR);
  const outputEnd = output + load<u32>(OUTPUT_BYTES);
  const maxLineBytes = <usize>load<u32>(ENVELOPE_BYTES) + MAX_OWNER_BYTES + maxDataBytes;
  let o = output + load<u32>(OUTPUT_USED);
  let documents: u32 = 0;
  let malformed: u32 = 0;
  let discarded: u32 = 0;
  let status = EMPTY;

  while (position < producer) {
    const header = data + <usize>(position & mask);
    const word = atomic.load<u32>(header);
    if (word & BUSY_BIT) {
      status = BUSY;
      break;
    }
    const length = word & LENGTH_BITS;
    const next = position + stride(length);
    if (length > ringBytes) {
      status = corrupt(LENGTH_BEYOND_RING, position, length);
      break;
    }
    if (next > producer) {
      status = corrupt(END_BEYOND_PRODUCER, position, next);
      break;
    }
    if (word & DISCARD_BIT) {
      discarded++;
    } else if (!changetype<T>(header + HEADER_BYTES).fits(length)) {
      malformed++;
    } else {
      if (o + maxLineBytes > outputEnd) {
        status = OUTPUT_FULL;
        break;
      }
      const record = changetype<T>(header + HEADER_BYTES);
      const line = o;
      const cgroupId = record.cgroupId;
      // Where no cgroup is known, the network namespace may still be that of one container.
      const owning: u64 = cgroupId != 0 ? cgroupId : <u64>record.netns;
      const ownerKind = cgroupId != 0 ? OWNER : record.netnsOwnerKind;
      const owner: usize = owning == 0 ? 0 : find(ownerKind, owning);
      if (owning != 0 && owner == 0) miss(ownerKind, owning, 0, 0);
      o = envelope(o, position, record.time_ns + wallOffset_ns);
      if (owner != 0) o = copy(o, textAddress(owner), textBytes(owner));
      o = record.write(o);
      if ((owning != 0 && owner == 0) || (record.looksUp && load<u32>(MISSES) != 0)) {
        o = line;
        status = LOOKUP_MISS;
        break;
      }
      documents++;
    }
    position = next;
  }

  store<u64>(READ_POSITION, position);
  store<u32>(OUTPUT_USED, <u32>(o - output));
  store<u32>(DOCUMENTS, documents);
  store<u32>(MALFORMED, malformed);
  store<u32>(DISCARDED, discarded);
  store<u32>(STATUS, status);
}
