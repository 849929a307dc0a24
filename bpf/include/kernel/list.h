/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/* Lists of the kernel's: include/linux/types.h */
#ifndef HUATUO_KERNEL_LIST_H
#define HUATUO_KERNEL_LIST_H

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct hlist_node {
	struct hlist_node *next;
};

struct hlist_head {
	struct hlist_node *first;
};

#pragma clang attribute pop

#endif
