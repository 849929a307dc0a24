/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/* Files: include/linux/fs.h, dcache.h, mm_types.h, bvec.h */
#ifndef HUATUO_KERNEL_FILE_H
#define HUATUO_KERNEL_FILE_H

#include "kernel/block.h"
#include "kernel/list.h"

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct qstr {
	const unsigned char *name;
};

struct dentry {
	struct dentry *d_parent;
	struct qstr d_name;
	union {
		struct hlist_node d_alias;
	} d_u;
};

/* Linux 7.x */
struct dentry___of_inode {
	struct hlist_node d_alias;
};

struct super_block {
	u32 s_dev;
	struct block_device *s_bdev;
};

struct address_space {
	struct inode *host;
};

struct inode {
	struct super_block *i_sb;
	struct address_space *i_mapping;
	unsigned long i_ino;
	struct hlist_head i_dentry;
};

struct file {
	struct inode *f_inode;
};

struct kiocb {
	struct file *ki_filp;
};

struct page {
	unsigned long compound_head;
	struct address_space *mapping;
};

/* Linux 7.x */
struct page___with_info {
	unsigned long compound_info;
};

struct bio_vec {
	struct page *bv_page;
};

struct bvec_iter {
	unsigned int bi_size;
};

struct bio___of_pages {
	struct bio *bi_next;
	struct bvec_iter bi_iter;
	struct bio_vec *bi_io_vec;
};

/* Since Linux 6.6; before, large folios have `_folio_order`. */
struct folio {
	unsigned long _flags_1;
};

struct folio___before_6_6 {
	u8 _folio_order;
};

enum pageflags { PG_head = 6 };

#pragma clang attribute pop

/* page_mapping(): the lowest bits tell memory of processes. */
#define MAPPING_FLAGS 3UL

/*
 * compound_head(): a tail of a large page has the address of its head, and the lowest bit says so. On
 * Linux 7.x it may have a mask of its own address instead: ones, and behind them zeros.
 */
static __always_inline struct page *head_of_page(struct page *page)
{
	struct page___with_info *newer = (void *)page;
	bool may_be_mask = bpf_core_field_exists(newer->compound_info);
	unsigned long head =
	    may_be_mask ? BPF_CORE_READ(newer, compound_info) : BPF_CORE_READ(page, compound_head);

	if (!(head & 1))
		return page;
	head -= 1;
	if (may_be_mask && !(~head & (~head + 1)))
		head &= (unsigned long)page;
	return (void *)head;
}

/*
 * The file that a folio, the head of its pages, caches; NULL for others. A page of another use has something
 * else where the mapping is; an inode that does not lead back to it is none.
 */
static __always_inline struct inode *inode_of_folio(struct page *head)
{
	struct address_space *mapping = BPF_CORE_READ(head, mapping);
	struct inode *inode;

	if (!mapping || (unsigned long)mapping & MAPPING_FLAGS)
		return 0;
	inode = BPF_CORE_READ(mapping, host);
	return inode && BPF_CORE_READ(inode, i_mapping) == mapping ? inode : 0;
}

/* folio_order() */
static __always_inline u32 folio_order(struct folio *folio)
{
	struct folio___before_6_6 *old = (void *)folio;
	unsigned long flags = 0;

	bpf_probe_read_kernel(&flags, sizeof(flags), folio);
	if (!(flags >> bpf_core_enum_value(enum pageflags, PG_head) & 1))
		return 0;
	if (bpf_core_field_exists(old->_folio_order))
		return BPF_CORE_READ(old, _folio_order);
	return BPF_CORE_READ(folio, _flags_1) & 0xff;
}

/* One of the names it has, NULL when it has none in memory. */
static __always_inline struct dentry *dentry_of(struct inode *inode)
{
	void *alias = BPF_CORE_READ(inode, i_dentry.first);

	if (!alias)
		return 0;
	if (bpf_core_field_exists(struct dentry___of_inode, d_alias))
		return alias - bpf_core_field_offset(struct dentry___of_inode, d_alias);
	return alias - bpf_core_field_offset(struct dentry, d_u.d_alias);
}

#endif
