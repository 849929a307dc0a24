/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/* Network devices and their drivers: include/linux/netdevice.h, device.h, device/driver.h */
#ifndef HUATUO_KERNEL_NETDEV_H
#define HUATUO_KERNEL_NETDEV_H

#include "kernel/net.h"

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct device_driver {
	const char *name;
};

struct device {
	struct device *parent;
	struct device_driver *driver;
};

struct net_device {
	int ifindex;
	possible_net_t nd_net;
	char name[16];
	struct device dev;
};

#pragma clang attribute pop

#endif
