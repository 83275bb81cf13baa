// SPDX-License-Identifier: GPL-2.0
/*
 * sandbox.c - the filter of system calls, by libseccomp
 *
 * Evidence is decoded and verified in this process. The filter is for the day when
 * a decoder has a hole: whoever comes in through it can run no program, load no code,
 * trace no process and touch no key of the kernel's keyrings. What they can do is in
 * Documentation/manager.rst.
 *
 * Where a list ends in what the C library or OpenSSL may want on another version or
 * machine, it is there because it gives nothing that the others do not.
 */
#include <errno.h>
#include <linux/sched.h>
#include <seccomp.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <termios.h>

#include "sandbox.h"

static const char *const allowed[] = {
	/* files, the database's and those that are read again */
	"read", "readv", "pread64", "write", "writev", "pwrite64", "lseek", "close", "close_range",
	"open", "openat", "fstat", "stat", "lstat", "newfstatat", "fstatat64", "statx", "fstatfs",
	"access", "faccessat", "faccessat2", "readlink", "readlinkat", "getdents64", "getcwd",
	"fcntl", "flock", "fsync", "fdatasync", "ftruncate", "fallocate", "fadvise64", "rename",
	"renameat", "renameat2", "unlink", "unlinkat", "mkdir", "mkdirat", "fchmod", "fchown",
	"umask", "dup", "dup2", "dup3", "pipe", "pipe2", "copy_file_range", "sendfile",
	/* memory; mmap and mprotect are below */
	"munmap", "mremap", "madvise", "brk", "mlock", "mlock2", "munlock", "msync", "membarrier",
	/* threads; clone is below */
	"set_robust_list", "get_robust_list", "rseq", "set_tid_address", "futex", "futex_waitv",
	"sched_yield", "sched_getaffinity", "getcpu", "gettid", "exit", "exit_group", "tgkill",
	"rt_sigaction", "rt_sigprocmask", "rt_sigreturn", "rt_sigtimedwait", "sigaltstack",
	"restart_syscall",
	/* time, and waiting */
	"clock_gettime", "clock_getres", "clock_nanosleep", "nanosleep", "gettimeofday", "time",
	"timerfd_create", "timerfd_settime", "eventfd", "eventfd2", "poll", "ppoll", "select",
	"pselect6", "epoll_create", "epoll_create1", "epoll_ctl", "epoll_wait", "epoll_pwait",
	"epoll_pwait2",
	/* the network; socket is below */
	"bind", "listen", "accept", "accept4", "connect", "getsockname", "getpeername",
	"setsockopt", "getsockopt", "sendto", "recvfrom", "sendmsg", "recvmsg", "sendmmsg",
	"recvmmsg", "shutdown",
	/* what it is, and chance */
	"getpid", "getppid", "getuid", "geteuid", "getgid", "getegid", "getresuid", "getresgid",
	"uname", "sysinfo", "getrlimit", "getrusage", "times", "getrandom",
};

/* Nothing here makes these: whoever does is somebody else. */
static const char *const deadly[] = {
	"execve", "execveat", "fork", "vfork", "process_vm_readv", "process_vm_writev",
	"pidfd_getfd", "mount", "umount2", "move_mount", "open_tree", "fsopen", "fsmount",
	"fspick", "fsconfig", "mount_setattr", "pivot_root", "chroot", "setns", "unshare",
	"init_module", "finit_module", "delete_module", "kexec_load", "kexec_file_load", "reboot",
	"bpf", "perf_event_open", "userfaultfd", "io_uring_setup", "io_uring_enter",
	"io_uring_register", "keyctl", "add_key", "request_key", "setuid", "setgid", "setreuid",
	"setregid", "setresuid", "setresgid", "setgroups", "setfsuid", "setfsgid", "capset",
	"open_by_handle_at", "swapon", "swapoff", "acct", "iopl", "ioperm", "modify_ldt",
	"mknod", "mknodat", "settimeofday", "clock_settime", "adjtimex", "clock_adjtime",
};

/* LeakSanitizer looks at the process from a clone of it, by ptrace. */
static const char *const sanitizers[] = {
	"clone", "clone3", "ptrace", "wait4", "kill", "prctl", "personality", "process_madvise",
	"mprotect", "mmap", "prlimit64", "getdents", "arch_prctl", "waitid",
};

/* Names that this architecture does not have are no loss. */
static int add_all(scmp_filter_ctx f, uint32_t action, const char *const names[], size_t count)
{
	int ret = 0;

	for (size_t i = 0; !ret && i < count; i++) {
		int nr = seccomp_syscall_resolve_name(names[i]);

		if (nr != __NR_SCMP_ERROR)
			ret = seccomp_rule_add(f, action, nr, 0);
	}
	return ret;
}

/* Memory is for data or for code, and data does not become code. */
static int add_memory(scmp_filter_ctx f)
{
	int ret = seccomp_rule_add(f, SCMP_ACT_ALLOW, SCMP_SYS(mmap), 1,
				   SCMP_A2_64(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));

	if (!ret)
		ret = seccomp_rule_add(f, SCMP_ACT_ALLOW, SCMP_SYS(mmap), 1,
				       SCMP_A2_64(SCMP_CMP_MASKED_EQ, PROT_WRITE, 0));
	if (!ret)
		ret = seccomp_rule_add(f, SCMP_ACT_ALLOW, SCMP_SYS(mprotect), 1,
				       SCMP_A2_64(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
	return ret;
}

/* More threads, as libcurl makes one to look up a name; no more processes. */
static int add_threads(scmp_filter_ctx f)
{
	int ret = seccomp_rule_add(f, SCMP_ACT_ALLOW, SCMP_SYS(clone), 1,
				   SCMP_A0_64(SCMP_CMP_MASKED_EQ, CLONE_THREAD, CLONE_THREAD));

	/* Its flags are in memory, where no filter sees them: the C library then takes clone. */
	if (!ret)
		ret = seccomp_rule_add(f, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0);
	if (!ret)
		ret = seccomp_rule_add(f, SCMP_ACT_KILL_PROCESS, SCMP_SYS(ptrace), 0);
	if (!ret)
		ret = seccomp_rule_add(f, SCMP_ACT_ALLOW, SCMP_SYS(prctl), 1,
				       SCMP_A0_32(SCMP_CMP_EQ, PR_SET_NAME, 0));
	return ret;
}

/* Agents, clients and webhooks; systemd and a PKCS#11 module's daemon. */
static int add_sockets(scmp_filter_ctx f)
{
	static const int domains[] = { AF_INET, AF_INET6, AF_UNIX };
	int ret = 0;

	for (size_t i = 0; !ret && i < ARRAY_SIZE(domains); i++)
		ret = seccomp_rule_add(f, SCMP_ACT_ALLOW, SCMP_SYS(socket), 1,
				       SCMP_A0_32(SCMP_CMP_EQ, (uint32_t)domains[i], 0));
	if (!ret)
		ret = seccomp_rule_add(f, SCMP_ACT_ALLOW, SCMP_SYS(socketpair), 1,
				       SCMP_A0_32(SCMP_CMP_EQ, AF_UNIX, 0));
	return ret;
}

static int add_ioctls(scmp_filter_ctx f, bool sanitized)
{
	static const unsigned long requests[] = { FIONBIO, FIONREAD, TCGETS };
	int ret = 0;

	for (size_t i = 0; !ret && i < ARRAY_SIZE(requests); i++)
		ret = seccomp_rule_add(f, SCMP_ACT_ALLOW, SCMP_SYS(ioctl), 1,
				       SCMP_A1_32(SCMP_CMP_EQ, (uint32_t)requests[i], 0));
	/* To ask for a limit, not to set one. */
	if (!ret && !sanitized)
		ret = seccomp_rule_add(f, SCMP_ACT_ALLOW, SCMP_SYS(prlimit64), 1,
				       SCMP_A2_64(SCMP_CMP_EQ, 0, 0));
	return ret;
}

static int fill(scmp_filter_ctx f, bool sanitized)
{
	int ret = add_all(f, SCMP_ACT_ALLOW, allowed, ARRAY_SIZE(allowed));

	if (!ret)
		ret = add_all(f, SCMP_ACT_KILL_PROCESS, deadly, ARRAY_SIZE(deadly));
	if (!ret)
		ret = add_sockets(f);
	if (!ret)
		ret = add_ioctls(f, sanitized);
	if (!ret && sanitized)
		return add_all(f, SCMP_ACT_ALLOW, sanitizers, ARRAY_SIZE(sanitizers));
	if (!ret)
		ret = add_memory(f);
	return ret ? ret : add_threads(f);
}

int zkhsmd_sandbox_enter(bool sanitized, struct zkhsm_error *err)
{
	scmp_filter_ctx f = seccomp_init(SCMP_ACT_ERRNO(EPERM));
	int ret;

	/*
	 * /proc/self/mem writes what no mapping lets be written, code too. It is root's from
	 * now on, and there is no core file with keys in it. LeakSanitizer could not attach.
	 */
	if (!sanitized && prctl(PR_SET_DUMPABLE, 0)) {
		seccomp_release(f);
		return zkhsm_fail(err, -errno, "not dumpable: %s", strerror(errno));
	}
	if (!f)
		return zkhsm_fail(err, -ENOMEM, "no filter of system calls: out of memory");
	/* All threads, and the kernel's log says what was refused. */
	ret = seccomp_attr_set(f, SCMP_FLTATR_CTL_TSYNC, 1);
	if (!ret)
		ret = seccomp_attr_set(f, SCMP_FLTATR_CTL_LOG, 1);
	if (!ret)
		ret = seccomp_attr_set(f, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS);
	/* A tree: the writer's calls do not wait for a list of hundreds. */
	if (!ret)
		ret = seccomp_attr_set(f, SCMP_FLTATR_CTL_OPTIMIZE, 2);
	if (!ret)
		ret = fill(f, sanitized);
	if (!ret)
		ret = seccomp_load(f);
	seccomp_release(f);
	return ret ? zkhsm_fail(err, ret, "no filter of system calls: %s", strerror(-ret)) : 0;
}
