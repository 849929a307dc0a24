/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/* Errors of the hardware, as the kernel has them from CPUs and firmware. */
#ifndef HUATUO_KERNEL_HARDWARE_ERROR_H
#define HUATUO_KERNEL_HARDWARE_ERROR_H

#include "huatuo.h"

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

/* arch/x86/include/asm/mce.h. Since Linux 6.13 the tracepoint has it as the first member of a mce_hw_err. */
struct mce {
	u64 status, misc, addr, mcgstatus, ip, tsc, time;
	u8 cpuvendor;
	u32 cpuid;
	u8 cs, bank;
	u32 extcpu, socketid, apicid;
	u64 mcgcap, synd, ipid;
};

/* include/linux/cper.h */
struct cper_sec_proc_arm {
	u8 affinity_level;
	u64 mpidr, midr;
	u32 running_state, psci_state;
};

struct cper_sec_mem_err {
	u64 physical_addr, physical_addr_mask;
	u16 node, card, module, bank, device, row, column;
	u8 error_type;
};

#pragma clang attribute pop

#endif
