// SPDX-License-Identifier: GPL-2.0
/*
 * The manager's filter of system calls, in children that try what an intruder would.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <setjmp.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "../../userspace/manager/sandbox.h"

/* What it returns is the child's exit status. */
static int in_sandbox(int (*act)(void))
{
	pid_t pid = fork();
	int status;

	assert_true(pid >= 0);
	if (!pid) {
		/* The filter of a release build, whatever this is. No report, no atexit(). */
		if (zkhsmd_sandbox_enter(false, NULL))
			_exit(99);
		_exit(act());
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return status;
}

static int status_of(int (*act)(void))
{
	int status = in_sandbox(act);

	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static void assert_killed(int (*act)(void))
{
	int status = in_sandbox(act);

	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), SIGSYS);
}

static int try_exec(void)
{
	char *const argv[] = { (char *)(uintptr_t)"true", NULL };

	return execve("/bin/true", argv, argv + 1);
}

static int try_exec_fd(void)
{
	char *const none[] = { NULL };

	return (int)syscall(SYS_execveat, AT_FDCWD, "/bin/true", none, none, 0);
}

static int try_ptrace(void)
{
	return (int)ptrace(PTRACE_TRACEME, 0, NULL, NULL);
}

static int try_keyring(void)
{
	return (int)syscall(SYS_keyctl, 0, -3, 0);
}

static int try_module(void)
{
	return (int)syscall(SYS_finit_module, -1, "", 0);
}

static int try_bpf(void)
{
	return (int)syscall(SYS_bpf, 0, NULL, 0);
}

static int try_mount(void)
{
	return (int)syscall(SYS_mount, "none", "/", "tmpfs", 0, NULL);
}

static int try_peek(void)
{
	return (int)syscall(SYS_process_vm_readv, 1, NULL, 0, NULL, 0, 0);
}

static void test_deadly(void **state)
{
	(void)state;
	assert_killed(try_exec);
	assert_killed(try_exec_fd);
	assert_killed(try_ptrace);
	assert_killed(try_keyring);
	assert_killed(try_module);
	assert_killed(try_bpf);
	assert_killed(try_mount);
	assert_killed(try_peek);
}

static int try_process(void)
{
	return syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0) == -1 && errno == EPERM ? 0 : 1;
}

static int try_clone3(void)
{
	return syscall(SYS_clone3, NULL, 0) == -1 && errno == ENOSYS ? 0 : 1;
}

static int try_code(void)
{
	void *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		return 2;
	if (mprotect(p, 4096, PROT_READ | PROT_EXEC) != -1 || errno != EPERM)
		return 1;
	p = mmap(NULL, 4096, PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	return p == MAP_FAILED && errno == EPERM ? 0 : 1;
}

static int try_sockets(void)
{
	static const int refused[] = { AF_NETLINK, AF_PACKET, AF_ALG, AF_VSOCK };
	static const int good[] = { AF_INET, AF_INET6, AF_UNIX };

	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
		if (socket(refused[i], SOCK_RAW, 0) != -1 || errno != EPERM)
			return 1;
	}
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		if (socket(good[i], SOCK_STREAM, 0) < 0 && errno == EPERM)
			return 2;
	}
	return 0;
}

static int try_unknown(void)
{
	if (syscall(SYS_memfd_create, "x", 0) != -1 || errno != EPERM)
		return 1;
	if (chmod("/", 0755) != -1 || errno != EPERM)
		return 2;
	return kill(getppid(), 0) != -1 || errno != EPERM;
}

static void test_refused(void **state)
{
	(void)state;
	assert_int_equal(status_of(try_process), 0);
	assert_int_equal(status_of(try_clone3), 0);
	assert_int_equal(status_of(try_code), 0);
	assert_int_equal(status_of(try_sockets), 0);
	assert_int_equal(status_of(try_unknown), 0);
}

static int try_privileges(void)
{
	return prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != -1 || errno != EPERM;
}

static int privileges(void)
{
	/* Not to be asked for inside; the kernel tells it here too. */
	FILE *f = fopen("/proc/self/status", "re");
	int none = 1, filter = 1;
	char line[128];

	while (f && fgets(line, sizeof(line), f)) {
		if (sscanf(line, "NoNewPrivs: %d", &none) == 1)
			none = none != 1;
		if (sscanf(line, "Seccomp: %d", &filter) == 1)
			filter = filter != 2;
	}
	return none || filter;
}

static void test_no_new_privileges(void **state)
{
	(void)state;
	assert_int_equal(status_of(try_privileges), 0);
	assert_int_equal(status_of(privileges), 0);
}

static void *thread(void *arg)
{
	*(int *)arg = 7;
	return NULL;
}

/* What the manager lives on goes on, threads that began later included. */
static int useful(void)
{
	struct timespec t;
	pthread_t id;
	char text[4];
	int n = 0, fd;

	if (pthread_create(&id, NULL, thread, &n) || pthread_join(id, NULL) || n != 7)
		return 1;
	fd = open("/dev/urandom", O_RDONLY | O_CLOEXEC);
	if (fd < 0 || read(fd, text, sizeof(text)) != sizeof(text) || close(fd))
		return 2;
	return clock_gettime(CLOCK_BOOTTIME, &t) ? 3 : 0;
}

/* As somebody who is not root, whom a mode and an owner stop. */
static int open_own_memory(void)
{
	int fd;

	if (getuid() == 0 && (setresgid(65534, 65534, 65534) || setresuid(65534, 65534, 65534)))
		return 1;
	/* To change the user took it away: this is how zkhsmd starts. */
	if (prctl(PR_SET_DUMPABLE, 1))
		return 2;
	fd = open("/proc/self/mem", O_RDWR | O_CLOEXEC);
	if (fd < 0 || close(fd))
		return 3;
	if (zkhsmd_sandbox_enter(false, NULL))
		return 4;
	fd = open("/proc/self/mem", O_RDWR | O_CLOEXEC);
	return fd < 0 && errno == EACCES ? 7 : 5;
}

/* Else code could be written into what is mapped to be run. */
static void test_own_memory(void **state)
{
	pid_t pid = fork();
	int status;

	(void)state;
	assert_true(pid >= 0);
	if (!pid)
		_exit(open_own_memory());
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 7);
}

static void test_useful(void **state)
{
	(void)state;
	assert_int_equal(status_of(useful), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_deadly),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_no_new_privileges),
		cmocka_unit_test(test_own_memory),
		cmocka_unit_test(test_useful),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
