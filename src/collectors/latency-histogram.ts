/** Buckets of bpf/include/histogram.h: slot i counts durations below 2^(i + 10) ns, the last one the rest. */
const FIRST_SHIFT = 10;
const SLOTS = 27;

/** Upper bounds in seconds, 1.024 µs to 34 s, as `histogram({ buckets })` takes them. */
export const LATENCY_BUCKETS_SECONDS: readonly number[] = Array.from(
  { length: SLOTS - 1 },
  (_, slot) => 2 ** (slot + FIRST_SHIFT) / 1e9,
);
