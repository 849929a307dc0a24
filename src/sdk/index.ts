/**
 * The public API of a collector, ours and yours alike. `import { defineEvent } from 'huatuo/sdk'`; the readers of
 * `src/procfs` are plain functions that any collector may use beside it.
 */

export * from './collector.ts';
export type { Container, Owner } from './container.ts';
export { containerLabels } from './container.ts';
export * from './context.ts';
export {
  CONTAINER_LABELS,
  counter,
  gauge,
  histogram,
  type InstrumentSpec,
  type Instruments,
} from './metrics.ts';
