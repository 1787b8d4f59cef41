// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * oddframes [FORM] [MS]: for MS milliseconds, functions whose frames are hard to step out of burn
 * CPU in themselves and in what they call, and wait in it:
 *
 *   plt          calls through the procedure linkage table, of a function of two instructions
 *   vdso         clock_gettime() in a tight loop: half of it or more in the vDSO
 *   realign      the stack is realigned in the prologue; the CFA is read from memory
 *   overaligned  a local aligned to 64 bytes
 *   alloca       a frame whose size changes as it runs
 *   bigframe     a frame of 100 KB
 *   noreturn     its last instruction is a call: the return address is in the next function
 *   nocfi        assembly with a frame pointer and no CFI
 *   prologue     a function of hardly more than pushes and pops, rbp among them
 *   rbpdata      rbp holds data that is no address all through the function and what it calls
 *
 * Truth: the path of all samples and waits ends odd_FORM < run_form < odd_thread < the thread's
 * entry, below leaf_burn or leaf_wait for what the odd function calls. rounds waits of 1 ms or
 * more.
 */
#include "planted.h"

#include <gnu/libc-version.h>
#include <linux/futex.h>
#include <setjmp.h>

#define BIG_SZ (100 * 1024)

struct form {
	const char *name;
	void (*run)(uint64_t n);
};

static const struct form *form;
static uint64_t ns, rounds;
static volatile uint64_t sink;
static jmp_buf back;
static struct self self;

OWN_FRAME static void leaf_burn(uint64_t n)
{
	volatile uint64_t x = n;

	for (uint64_t i = 0; i < n; i++)
		x = x * 3 + 1;
}

OWN_FRAME static void leaf_wait(void)
{
	static atomic_uint word;
	struct timespec ts = timespec_of(NS_PER_MS);

	syscall(SYS_futex, &word, FUTEX_WAIT_PRIVATE, 0, &ts, NULL, 0);
}

/* What each of them does besides being odd. */
OWN_FRAME static void leaf(uint64_t n)
{
	leaf_burn(4 * n);
	leaf_wait();
	KEEP_FRAME();
}

OWN_FRAME static void odd_plt(uint64_t n)
{
	for (uint64_t i = 0; i < 8 * n; i++)
		sink += (uintptr_t)gnu_get_libc_version();
	leaf(n);
	KEEP_FRAME();
}

OWN_FRAME static void odd_vdso(uint64_t n)
{
	struct timespec ts;

	for (uint64_t i = 0; i < n; i++)
		clock_gettime(CLOCK_MONOTONIC, &ts);
	leaf(n);
	KEEP_FRAME();
}

/* Over-aligned, and of changing size: gcc keeps the way back to the caller in memory. */
OWN_FRAME static void odd_realign(uint64_t n)
{
	_Alignas(64) volatile uint64_t x[8] = {n};
	volatile char *p = __builtin_alloca(n % 4096 + 1);

	for (uint64_t i = 0; i < n; i++)
		x[i % 8] = x[(i + 3) % 8] * 3 + 1;
	*p = 1;
	leaf(n);
	sink = (uint64_t)*p;
}

OWN_FRAME static void odd_overaligned(uint64_t n)
{
	_Alignas(64) volatile uint64_t x[8] = {n};

	for (uint64_t i = 0; i < n; i++)
		x[i % 8] = x[(i + 3) % 8] * 3 + 1;
	leaf(n);
	KEEP_FRAME();
}

OWN_FRAME static void odd_alloca(uint64_t n)
{
	for (uint64_t i = 1; i <= 5; i++) {
		volatile char *p = __builtin_alloca(i * 1009);

		for (uint64_t j = 0; j < n / 5; j++)
			p[j % 1009] = (char)j;
		leaf_burn(n / 5);
	}
	leaf(n);
	KEEP_FRAME();
}

OWN_FRAME static void odd_bigframe(uint64_t n)
{
	volatile char big[BIG_SZ];

	big[0] = 1;
	for (uint64_t i = 0; i < n; i++)
		big[i * 61 % BIG_SZ] = (char)i;
	leaf(n);
	sink = (uint64_t)big[0];
	KEEP_FRAME();
}

__attribute__((noreturn)) OWN_FRAME static void leaf_and_leave(uint64_t n)
{
	leaf(n);
	longjmp(back, 1);
}

__attribute__((noreturn)) OWN_FRAME static void odd_noreturn_call(uint64_t n)
{
	sink += n;
	leaf_and_leave(n);
}

OWN_FRAME static void odd_noreturn(uint64_t n)
{
	if (!setjmp(back))
		odd_noreturn_call(n);
	KEEP_FRAME();
}

/* void no_cfi_call(void (*fn)(uint64_t), uint64_t n): calls fn(n). */
__asm__(".text\n"
	".type no_cfi_call, @function\n"
	"no_cfi_call:\n"
	"	push %rbp\n"
	"	mov %rsp, %rbp\n"
	"	sub $208, %rsp\n"
	"	mov %rdi, %rax\n"
	"	mov %rsi, %rdi\n"
	"	call *%rax\n"
	"	leave\n"
	"	ret\n"
	".size no_cfi_call, . - no_cfi_call\n");

void no_cfi_call(void (*fn)(uint64_t), uint64_t n);

OWN_FRAME static void odd_nocfi(uint64_t n)
{
	no_cfi_call(leaf, n);
	KEEP_FRAME();
}

/* Uses every callee-saved register, so that its prologue and epilogue are most of it. */
OWN_FRAME static uint64_t all_pushes(uint64_t x)
{
	__asm__ volatile("" : "+r"(x) : : "rbx", "rbp", "r12", "r13", "r14", "r15");
	return x;
}

OWN_FRAME static void odd_prologue(uint64_t n)
{
	for (uint64_t i = 0; i < 4 * n; i++)
		sink += all_pushes(i);
	leaf(n);
	KEEP_FRAME();
}

/* What it calls must not need rbp, or at least not save it: leaf_burn and the raw call do not. */
OWN_FRAME static void odd_rbpdata(uint64_t n)
{
	register uint64_t x __asm__("rbx") = n;

	for (int i = 0; i < 4; i++) {
		__asm__ volatile("mov $0x1234567, %%rbp" : "+r"(x) : : "rbp");
		leaf(n / 4);
		__asm__ volatile("not %%rbp" : "+r"(x) : : "rbp");
		leaf_burn(8 * n);
	}
	sink = x;
}

static const struct form forms[] = {
	{"plt", odd_plt},	    {"vdso", odd_vdso},
	{"realign", odd_realign},   {"overaligned", odd_overaligned},
	{"alloca", odd_alloca},	    {"bigframe", odd_bigframe},
	{"noreturn", odd_noreturn}, {"nocfi", odd_nocfi},
	{"prologue", odd_prologue}, {"rbpdata", odd_rbpdata},
};

OWN_FRAME static void run_form(void)
{
	uint64_t end_ns = mono_ns() + ns;

	for (; mono_ns() < end_ns; rounds++)
		form->run(300000);
}

static void *odd_thread(void *arg)
{
	(void)arg;
	name_thread("odd");
	self_begin(&self, "odd");
	run_form();
	self_end(&self);
	return NULL;
}

int main(int argc, char **argv)
{
	const char *name = arg_str(argc, argv, 1, "plt");
	FILE *f;

	for (size_t i = 0; i < ARRAY_SIZE(forms); i++)
		if (!strcmp(name, forms[i].name))
			form = &forms[i];
	errno = EINVAL;
	if (!form)
		die(name);
	ns = arg_u64(argc, argv, 2, 701) * NS_PER_MS;
	settle();
	pthread_join(start_thread(odd_thread, NULL), NULL);
	f = truth_open("oddframes");
	truth_u64(f, "ns", ns);
	truth_u64(f, "rounds", rounds);
	truth_close(f, &self, 1);
	return 0;
}
