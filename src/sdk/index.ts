/**
 * The public API of a collector, ours and yours alike. `import { defineEvent } from 'huatuo/sdk'`; the readers of
 * `src/procfs` (`huatuo/procfs/…`) are plain functions that any collector may use beside it.
 */

export type { About } from './about.ts';
export {
  type CaptureContext,
  PRECAPTURE,
  type Processes,
  type ProcessUse,
  type Samples,
  type Subject,
} from './autotracing.ts';
export type { AnyObject, MapOf, ObjectBinding, ObjectTypes } from './binding.ts';
export * from './collector.ts';
export type { Container, Owner, Unit, Workload, WorkloadLabels } from './container.ts';
export {
  type ContainerLabels,
  containerLabels,
  isContainer,
  perContainer,
  perWorkload,
  workloadLabels,
  workloadOf,
} from './container.ts';
export * from './context.ts';
export type { DiskActivity, DiskFile, DiskRequest, Disks, DiskUsage } from './disks.ts';
export {
  boolean,
  bytes,
  type DocumentFields,
  type DocumentOf,
  decimal,
  integer,
  keyword,
  nanoseconds,
  optional,
  record,
  struct,
} from './document.ts';
export { type HostNeed, lackOf } from './host-need.ts';
export { list } from './list.ts';
export type { CacheGrowth, CacheUse, MemoryGrowth, SlabGrowth, SlabUse } from './memory-growth.ts';
export {
  CONTAINER_LABELS,
  counter,
  gauge,
  histogram,
  type InstrumentSpec,
  type Instruments,
  WORKLOAD_LABELS,
} from './metrics.ts';
export { matchesWhole, type NameFilterOptions, nameFilter } from './name-filter.ts';
export type {
  DeviceDriver,
  DriverCounter,
  Netlink,
  NetlinkNotifications,
  NetlinkRequests,
  NetlinkSubscription,
} from './netlink.ts';
export {
  choice,
  count,
  duration,
  flag,
  IN_CAPTURE,
  kernelName,
  number,
  type OptionSpecs,
  type OptionValues,
  packetFilter,
  pattern,
  size,
  text,
} from './options.ts';
export type { Profile, ProfileAround, ProfileFrame, ProfileKind, ProfileStack, Profiles } from './profile.ts';
export { PROFILE_FIELDS, profileDocument } from './profile-document.ts';
export { type Window, type WindowSample, windowOf } from './window.ts';
export { WORKLOAD_FILTER, workloadFilter } from './workload-filter.ts';
