// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * stall COMM US: until it is killed, holds a CPU up for US microseconds where a thread named COMM has left
 * it to another process's, but is not yet off it, as a hypervisor does that takes a CPU away just there.
 * Says "ready". By BPF of its own, in instructions, so that no compiler is needed.
 */
#include <linux/bpf.h>

#include "planted.h"

#define ROUNDS 4000 /* of eight readings of the clock: about a millisecond */

#define INSN(c, d, s, o, i)                                                                        \
	((struct bpf_insn){.code = (c), .dst_reg = (d), .src_reg = (s), .off = (o), .imm = (i)})
#define MOV(d, s) INSN(BPF_ALU64 | BPF_MOV | BPF_X, d, s, 0, 0)
#define MOV_IMM(d, i) INSN(BPF_ALU64 | BPF_MOV | BPF_K, d, 0, 0, i)
#define ADD_IMM(d, i) INSN(BPF_ALU64 | BPF_ADD | BPF_K, d, 0, 0, i)
#define SUB(d, s) INSN(BPF_ALU64 | BPF_SUB | BPF_X, d, s, 0, 0)
#define LOAD(d, s, o) INSN(BPF_LDX | BPF_MEM | BPF_DW, d, s, o, 0)
#define STORE0(d, o) INSN(BPF_ST | BPF_MEM | BPF_DW, d, 0, o, 0)
#define JUMP(op, d, s, o) INSN(BPF_JMP | (op) | BPF_X, d, s, o, 0)
#define JUMP_IMM(op, d, i, o) INSN(BPF_JMP | (op) | BPF_K, d, 0, o, i)
#define CALL(f) INSN(BPF_JMP | BPF_CALL, 0, 0, 0, f)
#define END INSN(BPF_JMP | BPF_EXIT, 0, 0, 0, 0)

struct code {
	struct bpf_insn insn[128];
	int cnt, out[4], out_cnt; /* jumps to the end */
};

static void put(struct code *c, struct bpf_insn i)
{
	c->insn[c->cnt++] = i;
}

static void put_u64(struct code *c, int reg, uint64_t v)
{
	put(c, INSN(BPF_LD | BPF_IMM | BPF_DW, reg, 0, 0, (int)(uint32_t)v));
	put(c, INSN(0, 0, 0, 0, (int)(uint32_t)(v >> 32)));
}

/* Leave unless: a jump whose target is filled in at the end. */
static void put_out(struct code *c, struct bpf_insn jump)
{
	c->out[c->out_cnt++] = c->cnt;
	put(c, jump);
}

/* Leave unless current has this name. */
static void put_is_named(struct code *c, const char *name)
{
	uint64_t head = 0;

	memcpy(&head, name, strnlen(name, sizeof(head)));
	put(c, STORE0(BPF_REG_10, -16));
	put(c, STORE0(BPF_REG_10, -8));
	put(c, MOV(BPF_REG_1, BPF_REG_10));
	put(c, ADD_IMM(BPF_REG_1, -16));
	put(c, MOV_IMM(BPF_REG_2, 16));
	put(c, CALL(BPF_FUNC_get_current_comm));
	put(c, LOAD(BPF_REG_1, BPF_REG_10, -16));
	put_u64(c, BPF_REG_2, head);
	put_out(c, JUMP(BPF_JNE, BPF_REG_1, BPF_REG_2, 0));
}

/* For so long, and the end. */
static void put_stall(struct code *c, uint64_t ns)
{
	int again, i;

	put(c, CALL(BPF_FUNC_ktime_get_ns));
	put(c, MOV(BPF_REG_6, BPF_REG_0));
	put(c, MOV_IMM(BPF_REG_7, 0));
	again = c->cnt;
	for (i = 0; i < 8; i++)
		put(c, CALL(BPF_FUNC_ktime_get_ns));
	put(c, SUB(BPF_REG_0, BPF_REG_6));
	put_out(c, JUMP_IMM(BPF_JGT, BPF_REG_0, (int)ns, 0));
	put(c, ADD_IMM(BPF_REG_7, 1));
	put(c, JUMP_IMM(BPF_JLT, BPF_REG_7, ROUNDS, (short)(again - c->cnt - 1)));
	for (i = 0; i < c->out_cnt; i++)
		c->insn[c->out[i]].off = (short)(c->cnt - c->out[i] - 1);
	put(c, MOV_IMM(BPF_REG_0, 0));
	put(c, END);
}

static int load(const struct code *c, uint32_t type)
{
	union bpf_attr attr = {
		.prog_type = type,
		.insns = (uintptr_t)c->insn,
		.insn_cnt = (uint32_t)c->cnt,
		.license = (uintptr_t) "GPL",
	};
	int fd = (int)syscall(SYS_bpf, BPF_PROG_LOAD, &attr, sizeof(attr));

	if (fd < 0) {
		fprintf(stderr, "planted: bpf: %s\n", strerror(errno));
		exit(EXIT_SKIP);
	}
	return fd;
}

/* A switch to another process loads its page tables: the last thing that can be seen of it. */
static void stall_switches(const char *comm, uint64_t ns)
{
	struct code c = {.cnt = 0};
	union bpf_attr attr = {.raw_tracepoint = {.name = (uintptr_t) "tlb_flush"}};

	put(&c, LOAD(BPF_REG_1, BPF_REG_1, 0));
	put_out(&c, JUMP_IMM(BPF_JNE, BPF_REG_1, 0, 0)); /* TLB_FLUSH_ON_TASK_SWITCH */
	put_is_named(&c, comm);
	put_stall(&c, ns);
	attr.raw_tracepoint.prog_fd = (uint32_t)load(&c, BPF_PROG_TYPE_RAW_TRACEPOINT);
	if (syscall(SYS_bpf, BPF_RAW_TRACEPOINT_OPEN, &attr, sizeof(attr)) < 0)
		exit(EXIT_SKIP);
}

int main(int argc, char **argv)
{
	uint64_t ns = arg_u64(argc, argv, 2, 200) * NS_PER_US;

	if (argc < 2)
		return 2;
	stall_switches(argv[1], ns);
	printf("ready\n");
	fflush(stdout);
	for (;;)
		pause();
}
