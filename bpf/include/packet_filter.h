/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/*
 * An expression as tcpdump takes it, applied in the kernel. The collector has it compiled to classic BPF and
 * writes that into the map; an empty one lets everything pass:
 *
 *	await object.map('packet_filter').set(0, await ctx.bpf.packetFilter('tcp port 80'));
 *
 *	struct filter_machine machine = {};
 *
 *	if (packet_filter_is_set()) {
 *		packet_copy(skb, &machine.packet);
 *		if (!packet_passes(&machine)) return 0;
 *	}
 *
 * A program ends after as many steps as it has instructions at most, for it only jumps forward; with
 * `protochain` it jumps back, and ends after as many steps as there is room for instructions. Where it looks
 * behind what was copied of the packet, or divides by zero, the packet does not pass, as in the kernel's own
 * interpreter (net/core/filter.c).
 *
 * Before Linux 5.12 no pointer may be an argument of a global function. Such a program has the machine in a
 * map, of which each CPU has one:
 *
 *	struct filter_machine *machine = filter_machine_take();
 *
 *	if (!machine) return 0;
 *	packet_copy(skb, &machine->packet);
 *	if (!packet_passes_in_map(machine)) …
 *	filter_machine_give();
 */
#ifndef HUATUO_PACKET_FILTER_H
#define HUATUO_PACKET_FILTER_H

#include <linux/filter.h>
#include "packet.h"
#include "slot.h"

#define PACKET_FILTER_MAX 256

struct packet_filter {
	u32 length;
	u32 _pad;
	hex64 instructions[PACKET_FILTER_MAX]; /* each a struct sock_filter */
};
SLOT(packet_filter, struct packet_filter);

struct filter_machine {
	u32 a;
	u32 x;
	u32 pc;
	u32 passes;
	u32 memory[BPF_MEMWORDS];
	struct packet_head packet;
};

/* False: behind the end. */
static __always_inline bool filter_load(const struct packet_head *packet, u32 offset, u32 bytes, u32 *value)
{
	u32 start = packet->start, end = packet->end;
	u32 at = start + offset;

	if (offset >= sizeof(packet->bytes) || at + bytes > end)
		return false;
	/* The verifier does not know `end`. */
	asm volatile("" : "+r"(at));
	if (at > sizeof(packet->bytes) - 4)
		return false;
	/* Older verifiers (Linux 6.1) know a bound only of what is derived from it behind the test. */
	asm volatile("" : "+r"(at));
	if (bytes == 1)
		*value = packet->bytes[at];
	else if (bytes == 2)
		*value = packet->bytes[at] << 8 | packet->bytes[at + 1];
	else
		*value = (u32)packet->bytes[at] << 24 | packet->bytes[at + 1] << 16 |
			 packet->bytes[at + 2] << 8 | packet->bytes[at + 3];
	return true;
}

static __always_inline u32 filter_alu(u32 operation, u32 a, u32 operand)
{
	switch (operation) {
	case BPF_ADD:
		return a + operand;
	case BPF_SUB:
		return a - operand;
	case BPF_MUL:
		return a * operand;
	case BPF_DIV:
		return a / operand;
	case BPF_MOD:
		return a % operand;
	case BPF_AND:
		return a & operand;
	case BPF_OR:
		return a | operand;
	case BPF_XOR:
		return a ^ operand;
	case BPF_LSH:
		return a << (operand & 31);
	case BPF_RSH:
		return a >> (operand & 31);
	default:
		return -a;
	}
}

static __always_inline bool filter_jumps(u32 operation, u32 a, u32 operand)
{
	switch (operation) {
	case BPF_JEQ:
		return a == operand;
	case BPF_JGT:
		return a > operand;
	case BPF_JGE:
		return a >= operand;
	default:
		return a & operand;
	}
}

/* One instruction. 1 ends the program. */
static __always_inline int filter_execute(struct filter_machine *machine)
{
	u32 code, k, operand, pc, value = 0;
	const struct packet_filter *program = slot_of(&packet_filter);
	const struct packet_head *packet;
	u64 instruction;

	if (!program)
		return 1;
	packet = &machine->packet;
	pc = machine->pc;
	if (pc >= PACKET_FILTER_MAX)
		return 1;
	instruction = program->instructions[pc];
	code = instruction & 0xffff;
	k = instruction >> 32;
	operand = BPF_SRC(code) == BPF_X ? machine->x : k;
	machine->pc = pc + 1;
	switch (BPF_CLASS(code)) {
	case BPF_LD:
	case BPF_LDX: {
		u32 mode = BPF_MODE(code);
		u32 bytes = BPF_SIZE(code) == BPF_W ? 4 : BPF_SIZE(code) == BPF_H ? 2 : 1;

		if (mode == BPF_IMM)
			value = k;
		else if (mode == BPF_LEN)
			value = packet->length;
		else if (mode == BPF_MEM)
			value = machine->memory[k & (BPF_MEMWORDS - 1)];
		else if (!filter_load(packet, mode == BPF_IND ? machine->x + k : k, bytes, &value))
			return 1;
		if (BPF_CLASS(code) == BPF_LD)
			machine->a = value;
		else
			machine->x = mode == BPF_MSH ? (value & 15) * 4 : value;
		return 0;
	}
	case BPF_ST:
		machine->memory[k & (BPF_MEMWORDS - 1)] = machine->a;
		return 0;
	case BPF_STX:
		machine->memory[k & (BPF_MEMWORDS - 1)] = machine->x;
		return 0;
	case BPF_ALU:
		/* As a load behind the end: the packet does not pass. */
		if ((BPF_OP(code) == BPF_DIV || BPF_OP(code) == BPF_MOD) && operand == 0)
			return 1;
		machine->a = filter_alu(BPF_OP(code), machine->a, operand);
		return 0;
	case BPF_JMP:
		if (BPF_OP(code) == BPF_JA)
			machine->pc = pc + 1 + k;
		else if (filter_jumps(BPF_OP(code), machine->a, operand))
			machine->pc = pc + 1 + (instruction >> 16 & 0xff);
		else
			machine->pc = pc + 1 + (instruction >> 24 & 0xff);
		return 0;
	case BPF_RET:
		machine->passes = BPF_RVAL(code) == BPF_A ? machine->a : k;
		return 1;
	default:
		if (BPF_MISCOP(code) == BPF_TAX)
			machine->x = machine->a;
		else
			machine->a = machine->x;
		return 0;
	}
}

/*
 * A function that is not static is verified once, by itself: as part of the loop it would be again for each
 * step.
 */
__noinline int filter_step(struct filter_machine *machine)
{
	return machine ? filter_execute(machine) : 1;
}

struct cpu_filter_machine {
	struct filter_machine machine;
	u64 is_taken;
};
PERCPU_SLOT(filter_machines, struct cpu_filter_machine);

/*
 * This CPU's machine, empty. NULL where an interrupt has come while a program uses it: kernels that need this
 * run a program within itself, later ones would not run it at all.
 */
static __always_inline struct filter_machine *filter_machine_take(void)
{
	struct cpu_filter_machine *of_cpu = slot_of(&filter_machines);

	if (!of_cpu || of_cpu->is_taken)
		return 0;
	of_cpu->is_taken = 1;
	__builtin_memset(&of_cpu->machine, 0, sizeof(of_cpu->machine));
	return &of_cpu->machine;
}

static __always_inline void filter_machine_give(void)
{
	struct cpu_filter_machine *of_cpu = slot_of(&filter_machines);

	if (of_cpu)
		of_cpu->is_taken = 0;
}

__noinline int filter_step_in_map(void)
{
	struct cpu_filter_machine *of_cpu = slot_of(&filter_machines);

	return of_cpu ? filter_execute(&of_cpu->machine) : 1;
}

static __always_inline bool packet_filter_is_set(void)
{
	const struct packet_filter *program = slot_of(&packet_filter);

	return program && program->length > 0;
}

/* Runs the program, which must be set, over `machine->packet`. */
static __always_inline bool packet_passes(struct filter_machine *machine)
{
	for (u32 step = 0; step < PACKET_FILTER_MAX; step++)
		if (filter_step(machine))
			break;
	return machine->passes != 0;
}

/* Likewise, for what `filter_machine_take` has given. */
static __always_inline bool packet_passes_in_map(const struct filter_machine *machine)
{
	for (u32 step = 0; step < PACKET_FILTER_MAX; step++)
		if (filter_step_in_map())
			break;
	return machine->passes != 0;
}

#endif
