// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * rwsem inode|foreign [MS]: for MS milliseconds, two threads that wait for one read-write semaphore
 * of the kernel.
 *
 * inode: a folder's i_rwsem. "reader" lists a folder of many files in a loop and holds the semaphore
 * for reading; "writer" makes and removes a file there and takes it for writing. Each waits for the
 * other.
 *
 * foreign: another process's mmap_lock. "reader" reads memory of a child process that nobody has
 * touched yet, which takes the child's mmap_lock for reading, while the child maps and unmaps all
 * the time.
 *
 * Truth: the reader's waits are on the semaphore for reading, the writer's for writing.
 */
#include "planted.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <sys/wait.h>

#define FILES 3001
#define FOREIGN_PAGES 4099

static struct self selves[2];
static uint64_t busy_ns;
static char folder[] = "/tmp/wallgap-rwsem-XXXXXX";
static int folder_fd;

static void make_file(int i)
{
	char name[32];
	int fd;

	snprintf(name, sizeof(name), "f%d", i);
	fd = openat(folder_fd, name, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
	if (fd < 0)
		die(name);
	close(fd);
}

static void remove_file(int i)
{
	char name[32];

	snprintf(name, sizeof(name), "f%d", i);
	unlinkat(folder_fd, name, 0);
}

static void *list_files(void *arg)
{
	uint64_t end_ns = mono_ns() + busy_ns;
	DIR *d = opendir(folder);

	(void)arg;
	if (!d)
		die(folder);
	pin(allowed_cpu(0));
	name_thread("reader");
	self_begin(&selves[0], "reader");
	for (; mono_ns() < end_ns; rewinddir(d))
		while (readdir(d))
			;
	self_end(&selves[0]);
	closedir(d);
	return NULL;
}

static void *make_files(void *arg)
{
	uint64_t end_ns = mono_ns() + busy_ns;

	(void)arg;
	pin(allowed_cpu(1));
	name_thread("writer");
	self_begin(&selves[1], "writer");
	while (mono_ns() < end_ns) {
		make_file(FILES);
		remove_file(FILES);
	}
	self_end(&selves[1]);
	return NULL;
}

static void run_inode(void)
{
	pthread_t threads[2];

	if (!mkdtemp(folder))
		die(folder);
	folder_fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	for (int i = 0; i < FILES; i++)
		make_file(i);
	settle();
	threads[0] = start_thread(list_files, NULL);
	threads[1] = start_thread(make_files, NULL);
	pthread_join(threads[0], NULL);
	pthread_join(threads[1], NULL);
	for (int i = 0; i < FILES; i++)
		remove_file(i);
	rmdir(folder);
}

/* Maps and unmaps, touching what it has mapped, until it is killed. */
__attribute__((noreturn)) static void churn(void)
{
	pin(allowed_cpu(1));
	for (;;) {
		void *p = mmap(NULL, FOREIGN_PAGES * PAGE, PROT_READ | PROT_WRITE,
			       MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);

		if (p == MAP_FAILED || munmap(p, FOREIGN_PAGES * PAGE))
			die("mmap");
	}
}

static void run_foreign(void)
{
	static char word[8], answer[8];
	struct iovec local = {answer, sizeof(answer)}, remote = {word, sizeof(word)};
	pid_t child = fork();
	uint64_t end_ns;

	if (child < 0)
		die("fork");
	if (!child)
		churn();
	settle();
	pin(allowed_cpu(0));
	name_thread("reader");
	self_begin(&selves[0], "reader");
	for (end_ns = mono_ns() + busy_ns; mono_ns() < end_ns;)
		if (process_vm_readv(child, &local, 1, &remote, 1, 0) < 0)
			die("process_vm_readv");
	self_end(&selves[0]);
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
}

int main(int argc, char **argv)
{
	bool foreign = !strcmp(arg_str(argc, argv, 1, "inode"), "foreign");
	FILE *f;

	busy_ns = arg_u64(argc, argv, 2, 401) * NS_PER_MS;
	prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0);
	if (foreign)
		run_foreign();
	else
		run_inode();
	f = truth_open("rwsem");
	truth_u64(f, "ns", busy_ns);
	truth_close(f, selves, foreign ? 1 : 2);
	return 0;
}
