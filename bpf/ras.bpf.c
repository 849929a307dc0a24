// SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0
/*
 * Errors of the hardware that it, the firmware or a driver has found: reliability, availability,
 * serviceability. Each source has a tracepoint of its own, and a kernel has those it was built for:
 *
 *   mce_record            machine checks of x86 CPUs           MCE
 *   threshold_apic_entry  corrected ones reached a threshold   MCE_THRESHOLD
 *   mc_event              memory controllers, by EDAC          EDAC
 *   extlog_mem_event      memory, by Intel's extended log      EXTLOG
 *   aer_event             PCI Express                          AER
 *   arm_event             Arm CPUs, by firmware (GHES)         ARM_GHES
 *   non_standard_event    vendors' own, by firmware (GHES)     NON_STANDARD
 *
 * raw_tp rather than tp_btf: what the arguments point to is read by CO-RE either way, since it has changed
 * between kernels, and BPF_PROG_TEST_RUN takes it, so that tests can run programs no hardware here triggers.
 */
#include "event.h"
#include "kernel/hardware_error.h"
#include "metric.h"
#include "ras_severity.h"
#include "ratelimit.h"

enum ras_event_name { MCE, EDAC, NON_STANDARD, AER, MCE_THRESHOLD, ARM_GHES, EXTLOG };
enum ras_device { cpu, memory, pcie, firmware };
/* Labels of existing dashboards; acpi is what firmware tells without a format of its own. */
enum hw_error { mce, edac, acpi, aer, thr, arm_ghes };
#define HW_ERRORS 6
/* Only its numbers are used, so clang would leave its names out of BTF. */
enum hw_error *const hw_error_anchor SEC("schema") __attribute__((used)) = 0;

struct ras_mce {
	hex64 mcg_cpu_cap DOC("IA32_MCG_CAP: what the CPU can report");
	hex64 mcg_msr_status DOC("IA32_MCG_STATUS");
	hex64 banks_msr_status DOC("IA32_MCi_STATUS of the bank");
	hex64 banks_msr_addr DOC("IA32_MCi_ADDR of the bank");
	hex64 banks_msr_misc DOC("IA32_MCi_MISC of the bank");
	hex64 mca_synd_msr DOC("MCA_SYND, on AMD");
	hex64 mca_ipid_msr DOC("MCA_IPID, on AMD");
	kaddr instr_pointer DOC("Where the CPU was");
	hex64 tsc_timestamp DOC("Time stamp counter at the error");
	hex64 cpuid DOC("CPUID 1 EAX: family, model, stepping");
	index32 walltime DOC("When the record was made, in seconds since 1970");
	cpu_nr cpu DOC("The CPU, as the kernel counts them");
	index32 apicid DOC("Its APIC id");
	index32 socketid DOC("Its socket");
	index32 code_seg DOC("Code segment it ran in");
	index32 bank DOC("Bank of registers that has the error");
	index32 cpuvendor DOC("0 is Intel, 2 AMD (X86_VENDOR_*)");
	u8 _pad[4];
};

struct ras_edac {
	hex64 addr DOC("Physical address");
	hex64 syndrome DOC("Syndrome of the error");
	bytes64 grain_bytes DOC("How exact the address is");
	count32 err_count DOC("Errors that this record stands for");
	index32 mc_index DOC("Memory controller");
	signed32 top_layer DOC("Where it is, from the top: branch, channel, slot; -1 is unknown");
	signed32 mid_layer DOC("Likewise, below it");
	signed32 low_layer DOC("Likewise, lowest");
	text128_t err_msg DOC("What the driver says it is");
	text128_t label DOC("Label of the memory module on the board");
	text128_t driver DOC("What else the driver says");
	u8 _pad[4];
};

struct ras_non_standard {
	bytes64 data_bytes DOC("Size of the record; raw_data may have less of it");
	index32 severity DOC("0 none, 1 corrected, 2 recoverable, 3 fatal (GHES_SEV_*)");
	text64_t sec_type DOC("GUID of the record's format");
	text64_t fru_id DOC("GUID of the part that can be replaced");
	text64_t fru_text DOC("Its name");
	u8 _pad[4];
};

struct ras_aer {
	hex64 status
	    DOC("Bits of the uncorrectable or correctable error status register, without those masked");
	hex64 tlp_header[2] DOC("First 16 bytes of the packet; 0 when there is none");
	text64_t dev_name DOC("PCI address of the device");
	index32 severity DOC("0 non-fatal, 1 fatal, 2 correctable (AER_*)");
	u8 _pad[4];
};

struct ras_threshold {
	index32 vector DOC("Interrupt vector");
	cpu_nr cpu DOC("CPU that was interrupted");
};

struct ras_arm {
	hex64 mpidr DOC("MPIDR_EL1: which CPU");
	hex64 midr DOC("MIDR_EL1: which kind of CPU");
	index32 running_state DOC("1 when it runs");
	index32 psci_state DOC("State of one that does not run");
	index32 affinity_level DOC("Part of the CPU hierarchy that the error is of");
	u8 _pad[4];
};

struct ras_extlog {
	hex64 physical_addr DOC("Physical address");
	hex64 physical_addr_mask DOC("Its bits that count");
	index32 err_seq DOC("Number of the record");
	index32 error_type DOC("Kind of memory error (UEFI, appendix N)");
	index32 node DOC("Where it is: node");
	index32 card DOC("Likewise: card");
	index32 module DOC("Likewise: module");
	index32 bank DOC("Likewise: bank");
	index32 device DOC("Likewise: device");
	index32 row DOC("Likewise: row");
	index32 column DOC("Likewise: column");
	text64_t fru_id DOC("GUID of the part that can be replaced");
	text64_t fru_text DOC("Its name");
	u8 _pad[4];
};

#define RAW_BYTES 512
struct ras_event {
	ktime_ns time DOC("When the kernel told");
	enum ras_event_name event DOC("Who found it; the object of that name has what it says");
	enum ras_type type DOC("How bad it is");
	struct ras_mce mce OPTIONAL DOC("Of MCE");
	struct ras_edac edac OPTIONAL DOC("Of EDAC");
	struct ras_non_standard non_standard OPTIONAL DOC("Of NON_STANDARD");
	struct ras_aer aer OPTIONAL DOC("Of AER");
	struct ras_threshold mce_threshold OPTIONAL DOC("Of MCE_THRESHOLD");
	struct ras_arm arm_ghes OPTIONAL DOC("Of ARM_GHES");
	struct ras_extlog extlog OPTIONAL DOC("Of EXTLOG");
	enum ras_device dev DOC("What kind of hardware it is");
	tail_length raw_data_len DOC("How much of raw_data is used");
	bytes_tail raw_data TAIL(512) DOC("How a vendor's own record begins; empty for others");
} DOC("The hardware, its firmware or a driver reports an error of the hardware") SEVERITY(warning) SCHEMA(1);
EVENT_RING(ras_event, 1 << 18);
QUESTION("Which errors has the hardware had, of CPUs, memory, PCI Express or what firmware reports, how bad "
	 "were they, and where?");
KERNEL("5.10; each source where the kernel is built for it: CONFIG_X86_MCE, CONFIG_EDAC, CONFIG_ACPI_EXTLOG, "
       "CONFIG_PCIEAER, CONFIG_ACPI_APEI_GHES. Those that are missing are left out");
FALSE_POSITIVES("A corrected error now and then is normal for memory and links; type tells how bad it was. "
		"Not seen: what the firmware keeps to itself (firmware first without GHES)");

OPTION(u64, max_events_per_second_per_cpu, 10,
       "Events beyond this rate are counted as rate limited, not written, 0 is no limit; the counters have "
       "them all");
OPTION(u64, threshold_interval_ns, 1800000000000,
       "After an MCE_THRESHOLD, others are counted as rate limited for this long");

METRIC_ARRAY(errors, "type", hw_error, u64, HW_ERRORS)
COUNTER("huatuo_bamai_ras_hw_err_total", "Errors of the hardware, by who reports them.");

/* The counter has them all. NULL: limited or no room, and accounted for. */
static __always_inline struct ras_event *ras_begin(enum hw_error counted, enum ras_event_name name,
						   enum ras_type type, enum ras_device device)
{
	u64 *total = metric_at(&errors, counted);
	struct ras_event *event;

	if (total)
		__sync_fetch_and_add(total, 1);
	if (!rate_allows(bpf_ktime_get_boot_ns(), max_events_per_second_per_cpu))
		return 0;
	event = event_begin_tail(struct ras_event, RAW_BYTES);
	if (!event)
		return 0;
	event->event = name;
	event->type = type;
	event->dev = device;
	return event;
}

SEC("?raw_tp/mce_record")
int BPF_PROG(machine_check, struct mce *record)
{
	u64 status = BPF_CORE_READ(record, status);
	u8 vendor = BPF_CORE_READ(record, cpuvendor);
	struct ras_event *event = ras_begin(mce, MCE, mce_type(status, vendor), cpu);

	if (!event)
		return 0;
	event->mce.mcg_cpu_cap = BPF_CORE_READ(record, mcgcap);
	event->mce.mcg_msr_status = BPF_CORE_READ(record, mcgstatus);
	event->mce.banks_msr_status = status;
	event->mce.banks_msr_addr = BPF_CORE_READ(record, addr);
	event->mce.banks_msr_misc = BPF_CORE_READ(record, misc);
	event->mce.mca_synd_msr = BPF_CORE_READ(record, synd);
	event->mce.mca_ipid_msr = BPF_CORE_READ(record, ipid);
	event->mce.instr_pointer = BPF_CORE_READ(record, ip);
	event->mce.tsc_timestamp = BPF_CORE_READ(record, tsc);
	event->mce.cpuid = BPF_CORE_READ(record, cpuid);
	event->mce.walltime = BPF_CORE_READ(record, time);
	event->mce.cpu = BPF_CORE_READ(record, extcpu);
	event->mce.apicid = BPF_CORE_READ(record, apicid);
	event->mce.socketid = BPF_CORE_READ(record, socketid);
	event->mce.code_seg = BPF_CORE_READ(record, cs);
	event->mce.bank = BPF_CORE_READ(record, bank);
	event->mce.cpuvendor = vendor;
	event_submit_urgent(event);
	return 0;
}

u64 last_threshold_ns;

SEC("?raw_tp/threshold_apic_entry")
int BPF_PROG(threshold_reached, int vector)
{
	u64 now = bpf_ktime_get_boot_ns(), last = last_threshold_ns;
	u64 *total = metric_at(&errors, thr);
	struct ras_event *event;

	if (last && now - last < threshold_interval_ns) {
		if (total)
			__sync_fetch_and_add(total, 1);
		event_rate_limited();
		return 0;
	}
	last_threshold_ns = now;
	event = ras_begin(thr, MCE_THRESHOLD, Corrected, cpu);
	if (!event)
		return 0;
	event->mce_threshold.vector = vector;
	event->mce_threshold.cpu = bpf_get_smp_processor_id();
	event_submit_urgent(event);
	return 0;
}

SEC("?raw_tp/mc_event")
int BPF_PROG(memory_controller, u32 err_type, const char *msg, const char *label, int error_count,
	     u8 mc_index, s8 top_layer, s8 mid_layer, s8 low_layer, unsigned long address, u8 grain_bits,
	     unsigned long syndrome, const char *driver_detail)
{
	struct ras_event *event = ras_begin(edac, EDAC, edac_type(err_type), memory);

	if (!event)
		return 0;
	event->edac.addr = address;
	event->edac.syndrome = syndrome;
	event->edac.grain_bytes = 1ULL << (grain_bits & 63);
	event->edac.err_count = error_count;
	event->edac.mc_index = mc_index;
	event->edac.top_layer = top_layer;
	event->edac.mid_layer = mid_layer;
	event->edac.low_layer = low_layer;
	bpf_probe_read_kernel_str(event->edac.err_msg, sizeof(event->edac.err_msg), msg);
	bpf_probe_read_kernel_str(event->edac.label, sizeof(event->edac.label), label);
	bpf_probe_read_kernel_str(event->edac.driver, sizeof(event->edac.driver), driver_detail);
	event_submit_urgent(event);
	return 0;
}

/* As the kernel prints it with %pU: the first three parts are little-endian in memory. */
static __always_inline void guid_text(u8 *text, const void *guid)
{
	static const u8 order[16] = {3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15};
	static const char digits[] = "0123456789abcdef";
	u8 bytes[16] = {};
	int at = 0;

	bpf_probe_read_kernel(bytes, sizeof(bytes), guid);
#pragma unroll
	for (int i = 0; i < 16; i++) {
		if (i == 4 || i == 6 || i == 8 || i == 10)
			text[at++] = '-';
		text[at++] = digits[bytes[order[i]] >> 4];
		text[at++] = digits[bytes[order[i]] & 15];
	}
}

SEC("?raw_tp/non_standard_event")
int BPF_PROG(vendor_record, const void *sec_type, const void *fru_id, const char *fru_text, u8 severity,
	     const u8 *data, u32 length)
{
	struct ras_event *event = ras_begin(acpi, NON_STANDARD, ghes_type(severity), firmware);
	u32 kept = length < RAW_BYTES ? length : RAW_BYTES;

	if (!event)
		return 0;
	event->non_standard.data_bytes = length;
	event->non_standard.severity = severity;
	guid_text(event->non_standard.sec_type, sec_type);
	guid_text(event->non_standard.fru_id, fru_id);
	bpf_probe_read_kernel_str(event->non_standard.fru_text, sizeof(event->non_standard.fru_text),
				  fru_text);
	if (bpf_probe_read_kernel(event->raw_data, kept, data) == 0)
		event->raw_data_len = kept;
	event_submit_urgent(event);
	return 0;
}

/* The header is four words, whatever its struct is called (aer_header_log_regs, pcie_tlp_log). */
SEC("?raw_tp/aer_event")
int BPF_PROG(pci_express, const char *dev_name, u32 status, u8 severity, u8 tlp_header_valid, const void *tlp)
{
	struct ras_event *event = ras_begin(aer, AER, aer_type(severity), pcie);

	if (!event)
		return 0;
	event->aer.status = status;
	event->aer.severity = severity;
	bpf_probe_read_kernel_str(event->aer.dev_name, sizeof(event->aer.dev_name), dev_name);
	if (tlp_header_valid) {
		u32 words[4] = {};

		bpf_probe_read_kernel(words, sizeof(words), tlp);
		event->aer.tlp_header[0] = (u64)words[0] << 32 | words[1];
		event->aer.tlp_header[1] = (u64)words[2] << 32 | words[3];
	}
	event_submit_urgent(event);
	return 0;
}

/* Of the event, whose fields say which arguments the tracepoint has. */
struct trace_event_raw_arm_event {
	u8 sev; /* Linux >= 6.17 */
} __attribute__((preserve_access_index));

SEC("?raw_tp/arm_event")
int BPF_PROG(arm_processor, struct cper_sec_proc_arm *proc)
{
	enum ras_type type = unknown;
	struct ras_event *event;

	/* The eighth argument: a kernel that has one refuses programs which look at more. */
	if (bpf_core_field_exists(struct trace_event_raw_arm_event, sev))
		type = ghes_type(*(volatile u64 *)&ctx[7]);
	event = ras_begin(arm_ghes, ARM_GHES, type, cpu);
	if (!event)
		return 0;
	event->arm_ghes.mpidr = BPF_CORE_READ(proc, mpidr);
	event->arm_ghes.midr = BPF_CORE_READ(proc, midr);
	event->arm_ghes.running_state = BPF_CORE_READ(proc, running_state);
	event->arm_ghes.psci_state = BPF_CORE_READ(proc, psci_state);
	event->arm_ghes.affinity_level = BPF_CORE_READ(proc, affinity_level);
	event_submit_urgent(event);
	return 0;
}

SEC("?raw_tp/extlog_mem_event")
int BPF_PROG(extended_log, struct cper_sec_mem_err *mem, u32 err_seq, const void *fru_id,
	     const char *fru_text, u8 severity)
{
	struct ras_event *event = ras_begin(acpi, EXTLOG, cper_type(severity), memory);

	if (!event)
		return 0;
	event->extlog.physical_addr = BPF_CORE_READ(mem, physical_addr);
	event->extlog.physical_addr_mask = BPF_CORE_READ(mem, physical_addr_mask);
	event->extlog.err_seq = err_seq;
	event->extlog.error_type = BPF_CORE_READ(mem, error_type);
	event->extlog.node = BPF_CORE_READ(mem, node);
	event->extlog.card = BPF_CORE_READ(mem, card);
	event->extlog.module = BPF_CORE_READ(mem, module);
	event->extlog.bank = BPF_CORE_READ(mem, bank);
	event->extlog.device = BPF_CORE_READ(mem, device);
	event->extlog.row = BPF_CORE_READ(mem, row);
	event->extlog.column = BPF_CORE_READ(mem, column);
	guid_text(event->extlog.fru_id, fru_id);
	bpf_probe_read_kernel_str(event->extlog.fru_text, sizeof(event->extlog.fru_text), fru_text);
	event_submit_urgent(event);
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
