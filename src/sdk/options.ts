/**
 * Building blocks for a collector's own config keys: `15s`, `64KiB`, choices and counts, with messages that teach. An entry
 * point of its own, because it brings zod, which a thread that declares no options need not load.
 */
export { choice, count, durationMs, durationNs, flag, size } from './option-fields.ts';
