/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/* What files are called: read once, for those that a capture meets. src/capture/disk-wire.ts has the same
 * layouts. */
#ifndef HUATUO_FILE_NAMES_H
#define HUATUO_FILE_NAMES_H

#include "kernel/file.h"

struct file_id {
	u64 inode; /* 0: not known */
	u32 fs_device;
	u32 _pad;
};

#define PATH_DEPTH 16
#define NAME_BYTES 64

/* Innermost first; behind the last one there are empty ones. */
struct file_names {
	u8 names[PATH_DEPTH][NAME_BYTES];
};
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1024);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(key_size, sizeof(struct file_id));
	__uint(value_size, sizeof(struct file_names));
} files SEC(".maps");
static const struct file_names no_names;

/* Its names are read once, while its dentries are there. */
static __always_inline void remember_file(struct file_id *file, struct inode *inode)
{
	struct dentry *dentry, *parent;
	struct file_names *known;

	file->inode = BPF_CORE_READ(inode, i_ino);
	file->fs_device = BPF_CORE_READ(inode, i_sb, s_dev);
	if (bpf_map_lookup_elem(&files, file) || bpf_map_update_elem(&files, file, &no_names, BPF_NOEXIST))
		return;
	known = bpf_map_lookup_elem(&files, file);
	if (!known)
		return;
	dentry = dentry_of(inode);
	for (u32 depth = 0; depth < PATH_DEPTH && dentry; depth++) {
		parent = BPF_CORE_READ(dentry, d_parent);
		if (parent == dentry)
			break;
		bpf_probe_read_kernel_str(known->names[depth], NAME_BYTES,
					  BPF_CORE_READ(dentry, d_name.name));
		dentry = parent;
	}
}

#endif
