// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * rmwloop [FORM] [MS]: for MS milliseconds, two threads run traffic_hot(), a loop of atomic
 * read-modify-writes of one counter, and in turn with it traffic_none(), a loop of the same length
 * without any.
 *
 *   FORM  xadd, cmpxchg, xchg (atomic without a lock prefix), inc, or (in a loop with other work)
 *
 * Truth: in traffic_hot an instruction that is not an atomic one follows one: samples there are
 * lock traffic, for "or" about all but those in its other work; samples in traffic_none are not: it
 * has plain adds to memory, exchanges of registers, and the bytes of an atomic instruction inside a
 * constant.
 */
#include "planted.h"

struct form {
	const char *name;
	void (*run)(uint64_t n);
};

static const struct form *form;
static uint64_t ns;
static uint64_t counter;
static struct self selves[2];

#define LOOP(op)                                                                                   \
	uint64_t one = 1;                                                                          \
	__asm__ volatile("1: " op "\n dec %0\n jnz 1b\n"                                           \
			 : "+r"(n), "+r"(one), "+m"(counter)                                       \
			 :                                                                         \
			 : "rax", "memory", "cc")

OWN_FRAME static void traffic_hot_xadd(uint64_t n)
{
	LOOP("lock xaddq %1, %2");
}

OWN_FRAME static void traffic_hot_cmpxchg(uint64_t n)
{
	LOOP("lock cmpxchgq %1, %2");
}

OWN_FRAME static void traffic_hot_xchg(uint64_t n)
{
	LOOP("xchgq %1, %2");
}

OWN_FRAME static void traffic_hot_inc(uint64_t n)
{
	LOOP("lock incq %2");
}

OWN_FRAME static void traffic_hot_or(uint64_t n)
{
	LOOP("lock orq $1, %2\n lea 1(%1), %1\n lea 1(%1), %1");
}

/* f0 48 0f c1 is the beginning of "lock xadd": here in an immediate. */
OWN_FRAME static void traffic_none(uint64_t n)
{
	uint64_t mine = 0, x = 1, y = 2;

	__asm__ volatile("1: addq $1, %1\n xchgq %2, %3\n movl $0xc10f48f0, %%eax\n xaddq %2, %3\n"
			 " cmpxchgq %2, %3\n dec %0\n jnz 1b\n"
			 : "+r"(n), "+m"(mine), "+r"(x), "+r"(y)
			 :
			 : "rax", "memory", "cc");
}

static const struct form forms[] = {
	{"xadd", traffic_hot_xadd}, {"cmpxchg", traffic_hot_cmpxchg}, {"xchg", traffic_hot_xchg},
	{"inc", traffic_hot_inc},   {"or", traffic_hot_or},
};

OWN_FRAME static void run_loops(void)
{
	uint64_t end_ns = mono_ns() + ns;

	while (mono_ns() < end_ns) {
		form->run(20000);
		traffic_none(100000);
	}
}

static void *looper(void *arg)
{
	struct self *self = arg;

	name_thread("looper");
	pin(allowed_cpu((int)(self - selves)));
	self_begin(self, "looper");
	run_loops();
	self_end(self);
	return NULL;
}

int main(int argc, char **argv)
{
	const char *name = arg_str(argc, argv, 1, "xadd");
	pthread_t threads[2];
	FILE *f;

	for (size_t i = 0; i < ARRAY_SIZE(forms); i++)
		if (!strcmp(name, forms[i].name))
			form = &forms[i];
	errno = EINVAL;
	if (!form)
		die(name);
	ns = arg_u64(argc, argv, 2, 701) * NS_PER_MS;
	for (int i = 0; i < 2; i++)
		threads[i] = start_thread(looper, &selves[i]);
	for (int i = 0; i < 2; i++)
		pthread_join(threads[i], NULL);
	f = truth_open("rmwloop");
	truth_u64(f, "ns", ns);
	truth_close(f, selves, 2);
	return 0;
}
