/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/* How bad an error of the hardware is, in one scale: each source has numbers of its own. */
#ifndef HUATUO_RAS_SEVERITY_H
#define HUATUO_RAS_SEVERITY_H

#include "huatuo.h"

enum ras_type {
	Corrected,
	UncorrectedRecoverable,
	UncorrectedDeferred,
	UncorrectedFatal,
	Info,
	unknown,
};

/* HW_EVENT_ERR_* of include/linux/edac.h */
static __always_inline enum ras_type edac_type(u32 type)
{
	switch (type) {
	case 0:
		return Corrected;
	case 1:
		return UncorrectedRecoverable;
	case 2:
		return UncorrectedDeferred;
	case 3:
		return UncorrectedFatal;
	case 4:
		return Info;
	default:
		return unknown;
	}
}

/* GHES_SEV_* of include/acpi/ghes.h */
static __always_inline enum ras_type ghes_type(u8 severity)
{
	switch (severity) {
	case 0:
		return Info;
	case 1:
		return Corrected;
	case 2:
		return UncorrectedRecoverable;
	case 3:
		return UncorrectedFatal;
	default:
		return unknown;
	}
}

/* AER_* of include/linux/aer.h */
static __always_inline enum ras_type aer_type(u8 severity)
{
	switch (severity) {
	case 0:
		return UncorrectedRecoverable;
	case 1:
		return UncorrectedFatal;
	case 2:
		return Corrected;
	default:
		return unknown;
	}
}

/* CPER_SEV_* of include/linux/cper.h */
static __always_inline enum ras_type cper_type(u8 severity)
{
	switch (severity) {
	case 0:
		return UncorrectedRecoverable;
	case 1:
		return UncorrectedFatal;
	case 2:
		return Corrected;
	case 3:
		return Info;
	default:
		return unknown;
	}
}

/* arch/x86/include/asm/mce.h */
#define MCI_STATUS_UC	    (1ULL << 61)
#define MCI_STATUS_PCC	    (1ULL << 57)
#define MCI_STATUS_DEFERRED (1ULL << 44) /* AMD */
#define X86_VENDOR_AMD	    2

static __always_inline enum ras_type mce_type(u64 status, u8 vendor)
{
	if (status & MCI_STATUS_UC)
		return status & MCI_STATUS_PCC ? UncorrectedFatal : UncorrectedRecoverable;
	return vendor == X86_VENDOR_AMD && status & MCI_STATUS_DEFERRED ? UncorrectedDeferred : Corrected;
}

#endif
