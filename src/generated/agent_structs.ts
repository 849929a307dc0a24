// Generated from bpf/agent by `npm run build`: change the structs there.

import { u8, u32, u64, u64s } from '../bytes.ts';

/** `struct profile_stack` */
export const PROFILE_STACK = {
  size_bytes: 1536,
  process: u32(0),
  state: u32(4),
  kernel: u64s(8, 64),
  user: u64s(520, 127),
};

/** `struct profile_total` */
export const PROFILE_TOTAL = {
  size_bytes: 16,
  samples: u64(0),
  ns: u64(8),
};

/** `struct profile_process` */
export const PROFILE_PROCESS = {
  size_bytes: 24,
  comm: { at: 0, bytes: 16 },
  program: u64(16),
};

/** `struct profile_counts` */
export const PROFILE_COUNTS = {
  size_bytes: 24,
  samples: u64(0),
  lost: u64(8),
  idle: u64(16),
};

/** `struct rolling_stack` */
export const ROLLING_STACK = {
  size_bytes: 1552,
  stack: { at: 0 },
  cgroup: u64(1536),
  is_unified: u64(1544),
};

/** `struct cgroup_path` */
export const CGROUP_PATH = {
  size_bytes: 128,
  above: u64s(0, 16),
};

/** `struct file_id` */
export const FILE_ID = {
  size_bytes: 16,
  inode: u64(0),
  fs_device: u32(8),
};

/** `struct file_names` */
export const FILE_NAMES = {
  size_bytes: 1024,
  names: { at: 0, length: 16, bytes: 64 },
};

/** `struct disk_user` */
export const DISK_USER = {
  size_bytes: 32,
  file: { at: 0 },
  cgroup: u64(16),
  process: u32(24),
  is_kernel: u8(28),
  is_direct: u8(29),
};

/** `struct disk_usage` */
export const DISK_USAGE = {
  size_bytes: 88,
  read_bytes: u64(0),
  write_bytes: u64(8),
  dirtied_bytes: u64(16),
  bios: u64(24),
  q2c_ns: u64(32),
  q2c_max_ns: u64(40),
  issued_bios: u64(48),
  d2c_ns: u64(56),
  d2c_max_ns: u64(64),
  comm: { at: 72, bytes: 16 },
};

/** `struct disk_bio` */
export const DISK_BIO = {
  size_bytes: 72,
  user: { at: 0 },
  queued_ns: u64(32),
  issued_ns: u64(40),
  bytes: u32(48),
  is_write: u32(52),
  comm: { at: 56, bytes: 16 },
};

/** `struct disk_losses` */
export const DISK_LOSSES = {
  size_bytes: 16,
  bios: u64(0),
  usages: u64(8),
};

/** `struct cache_user` */
export const CACHE_USER = {
  size_bytes: 24,
  file: { at: 0 },
  process: u32(16),
};

/** `struct cache_usage` */
export const CACHE_USAGE = {
  size_bytes: 24,
  bytes: u64(0),
  comm: { at: 8, bytes: 16 },
};

/** `struct cache_losses` */
export const CACHE_LOSSES = {
  size_bytes: 8,
  additions: u64(0),
};

/** `struct slab_user` */
export const SLAB_USER = {
  size_bytes: 40,
  cache: { at: 0, bytes: 32 },
  object_bytes: u32(32),
  process: u32(36),
};

/** `struct slab_usage` */
export const SLAB_USAGE = {
  size_bytes: 32,
  allocated_bytes: u64(0),
  freed_bytes: u64(8),
  comm: { at: 16, bytes: 16 },
};

/** `struct slab_stack` */
export const SLAB_STACK = {
  size_bytes: 1560,
  stack: { at: 0 },
  objects: u64(1536),
  allocated_bytes: u64(1544),
  freed_bytes: u64(1552),
};

/** `struct slab_losses` */
export const SLAB_LOSSES = {
  size_bytes: 8,
  objects: u64(0),
};
