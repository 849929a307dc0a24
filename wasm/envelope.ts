/**
 * The envelope of a document, from `{"@timestamp"` to `"tracer_id":"…"`.
 *
 * Most of it is the same for every document of a batch, so the host writes it once, with holes:
 *
 *   {"@timestamp":"YYYY-MM-DDThh:mm:ss.nnnnnnnnnZ","event_id":"<prefix>pppppppppppppppp","schema_version":1, …
 *                  └─ date ─────────┘ └ nanos ┘                        └ position ────┘
 *   ,"time":"YYYY-MM-DD hh:mm:ss.mmm +0000","tracer_time":"… as time …","tracer_id":"… as event_id …"
 *
 * For each document the template is copied and the small holes are filled. The dates are written into the template
 * itself, and again only when the second changes.
 */
import { copy } from './bytes';
import { eightCharacters, sixteenHexDigits } from './digits';
import {
  ENVELOPE_BYTES,
  ENVELOPE_PTR,
  ENVELOPE_SECOND,
  EVENT_ID_HOLE,
  TIMESTAMP_HOLE,
  TIME_HOLE,
  TRACER_ID_HOLE,
  TRACER_TIME_HOLE,
} from './memory';
import { dateAndTime } from './time';

const SECOND_NS: u64 = 1_000_000_000;
/** `YYYY-MM-DD hh:mm:ss.` */
const DATE_BYTES: usize = 20;
const SPACE: u32 = 0x20;

/**
 * @param position where the record starts in the ring; makes the ids
 * @param wall_ns nanoseconds since the epoch
 */
@inline
export function envelope(o: usize, position: u64, wall_ns: u64): usize {
  const second = wall_ns / SECOND_NS;
  if (second != load<u64>(ENVELOPE_SECOND)) stampDates(second);
  const end = copy(o, load<u32>(ENVELOPE_PTR), load<u32>(ENVELOPE_BYTES));

  const nanos = <u32>(wall_ns - second * SECOND_NS);
  const first = nanos / 100_000_000;
  const others = eightCharacters(nanos - first * 100_000_000);
  const timestamp = o + load<u32>(TIMESTAMP_HOLE) + DATE_BYTES;
  store<u8>(timestamp, 0x30 + first);
  store<u64>(timestamp, others, 1);
  const milliseconds = (0x30 + first) | ((<u32>others & 0xffff) << 8) | (SPACE << 24);
  store<u32>(o + load<u32>(TIME_HOLE) + DATE_BYTES, milliseconds);
  store<u32>(o + load<u32>(TRACER_TIME_HOLE) + DATE_BYTES, milliseconds);

  const id = sixteenHexDigits(position);
  v128.store(o + load<u32>(EVENT_ID_HOLE), id);
  v128.store(o + load<u32>(TRACER_ID_HOLE), id);
  return end;
}

function stampDates(second: u64): void {
  const template: usize = load<u32>(ENVELOPE_PTR);
  dateAndTime(template + load<u32>(TIMESTAMP_HOLE), second, 0x54);
  dateAndTime(template + load<u32>(TIME_HOLE), second, SPACE);
  dateAndTime(template + load<u32>(TRACER_TIME_HOLE), second, SPACE);
  store<u64>(ENVELOPE_SECOND, second);
}
