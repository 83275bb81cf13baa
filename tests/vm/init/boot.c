// SPDX-License-Identifier: GPL-2.0
/* From a bare initramfs to a machine that can run commands. */
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <net/route.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include "init.h"

/* Run a program with all signals as usual, and give its exit code. */
int run_wait(const char *const argv[])
{
	int status;
	pid_t pid = fork();

	if (!pid) {
		sigset_t none;

		sigemptyset(&none);
		sigprocmask(SIG_SETMASK, &none, NULL);
		execv(argv[0], (char *const *)argv);
		_exit(127);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		return -1;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static bool mount_all(void)
{
	static const struct {
		const char *type, *where;
		bool optional;
	} mounts[] = {
		{ "proc", "/proc", false },
		{ "sysfs", "/sys", false },
		{ "devtmpfs", "/dev", false },
		{ "tmpfs", "/tmp", false },
		{ "tmpfs", "/run", false },
		{ "tmpfs", "/out", false },
		/* Not in every kernel that --kernel FILE may name. */
		{ "debugfs", "/sys/kernel/debug", true },
		{ "tmpfs", "/dev/shm", true },
		{ "devpts", "/dev/pts", true },
		{ "tracefs", "/sys/kernel/tracing", true },
		{ "securityfs", "/sys/kernel/security", true },
	};
	size_t i;

	for (i = 0; i < sizeof(mounts) / sizeof(mounts[0]); i++) {
		mkdir(mounts[i].where, 0755);
		if (mount(mounts[i].type, mounts[i].where, mounts[i].type, 0, NULL) &&
		    !mounts[i].optional) {
			printf("init: mount %s: %s\n", mounts[i].where, strerror(errno));
			return false;
		}
	}
	chmod("/tmp", 01777);

	/* What the host gave is read-only: a test cannot change the next one. */
	if (mount("/zkhsm", "/zkhsm", NULL, MS_BIND, NULL) ||
	    mount(NULL, "/zkhsm", NULL, MS_BIND | MS_REMOUNT | MS_RDONLY, NULL)) {
		printf("init: bind /zkhsm: %s\n", strerror(errno));
		return false;
	}
	return true;
}

static void write_setting(const char *path, const char *value)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd < 0)
		return;
	if (write(fd, value, strlen(value)) < 0)
		printf("init: %s: %s\n", path, strerror(errno));
	close(fd);
}

/*
 * "load" or "try" and a name per line; modprobe is content with a module that
 * the kernel has built in.
 */
static bool load_modules(void)
{
	char verb[8], name[64];
	FILE *list = fopen("/etc/modules", "re");
	bool ok = true;

	if (!list)
		return true;
	while (fscanf(list, "%7s %63s", verb, name) == 2) {
		const char *const argv[] = { "/sbin/modprobe", "-q", name, NULL };

		if (run_wait(argv) && strcmp(verb, "try")) {
			printf("init: modprobe %s failed\n", name);
			ok = false;
		}
	}
	fclose(list);
	return ok;
}

static bool set_address(int fd, const char *name, const char *address, const char *mask)
{
	struct ifreq ifr = { 0 };
	struct sockaddr_in *sin = (struct sockaddr_in *)&ifr.ifr_addr;

	snprintf(ifr.ifr_name, sizeof(ifr.ifr_name), "%s", name);
	sin->sin_family = AF_INET;
	inet_pton(AF_INET, address, &sin->sin_addr);
	if (ioctl(fd, SIOCSIFADDR, &ifr))
		return false;
	inet_pton(AF_INET, mask, &sin->sin_addr);
	if (ioctl(fd, SIOCSIFNETMASK, &ifr))
		return false;
	ifr.ifr_flags = IFF_UP | IFF_RUNNING;
	return !ioctl(fd, SIOCSIFFLAGS, &ifr);
}

static bool network_up(void)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	bool ok;

	if (fd < 0)
		return false;
	ok = set_address(fd, "lo", "127.0.0.1", "255.0.0.0");
	/* QEMU's user-mode network: the host answers on 10.0.2.100. */
	if (ok && getenv("ZKVM_NET"))
		ok = set_address(fd, "eth0", "10.0.2.15", "255.255.255.0");
	if (!ok)
		printf("init: network: %s\n", strerror(errno));
	close(fd);
	return ok;
}

bool boot_machine(void)
{
	setenv("PATH", "/zkhsm/bin:/usr/sbin:/usr/bin:/sbin:/bin", 1);
	if (!mount_all())
		return false;
	/*
	 * An emulated processor on a busy host stands still for seconds: long
	 * limits, but whatever passes them ends the machine.
	 */
	write_setting("/proc/sys/kernel/watchdog_thresh", "30");
	write_setting("/proc/sys/kernel/softlockup_panic", "1");
	write_setting("/proc/sys/kernel/hung_task_timeout_secs", "120");
	write_setting("/proc/sys/kernel/hung_task_panic", "1");
	write_setting("/proc/sys/kernel/panic_on_rcu_stall", "1");
	if (sethostname("zkhsm-vm", 8))
		return false;
	return load_modules() && network_up();
}

/* What --disk gave. It outlives the machine, so it is told when it is harmed. */
bool boot_disk(void)
{
	if (!getenv("ZKVM_DISK"))
		return true;
	mkdir(DISK_PATH, 0755);
	if (!mount("/dev/vda", DISK_PATH, "ext4", 0, NULL))
		return true;
	report_problem("mount %s: %s", DISK_PATH, strerror(errno));
	return false;
}

/* No process is left that could hold it. */
void disk_end(void)
{
	if (getenv("ZKVM_DISK") && umount(DISK_PATH))
		report_problem("umount %s: %s", DISK_PATH, strerror(errno));
}

/*
 * Insert our module as plain insmod would.  --no-module leaves it to the
 * command; then the file is there all the same.
 */
bool boot_module(void)
{
	const char *args = getenv("ZKVM_MODULE_ARGS");
	int fd;
	long ret;

	if (!getenv("ZKVM_MODULE"))
		return true;
	fd = open(MODULE_PATH, O_RDONLY | O_CLOEXEC);
	if (fd < 0) {
		report_problem("%s: %s", MODULE_PATH, strerror(errno));
		return false;
	}
	ret = syscall(SYS_finit_module, fd, args ? args : "", 0);
	if (ret)
		report_problem("insmod %s: %s", MODULE_PATH, strerror(errno));
	close(fd);
	return !ret;
}

/* The device of a virtio-serial port, found by the name the host gave it. */
static int open_virtio_port(const char *name)
{
	DIR *dir = opendir("/sys/class/virtio-ports");
	struct dirent *entry;
	char path[300], found[64];
	int fd = -1;

	while (dir && fd < 0 && (entry = readdir(dir))) {
		FILE *file;

		snprintf(path, sizeof(path), "/sys/class/virtio-ports/%s/name", entry->d_name);
		file = entry->d_name[0] == '.' ? NULL : fopen(path, "re");
		if (!file)
			continue;
		if (fgets(found, sizeof(found), file)) {
			found[strcspn(found, "\n")] = '\0';
			snprintf(path, sizeof(path), "/dev/%s", entry->d_name);
			if (!strcmp(found, name))
				fd = open(path, O_RDWR | O_CLOEXEC);
		}
		fclose(file);
	}
	if (dir)
		closedir(dir);
	return fd;
}

/*
 * User-mode Linux has serial lines and no names for them: ZKVM_PORTS has the
 * names of those after the console's.  The host waits for a byte, which says
 * that what it sends will come through unchanged.
 */
static int open_serial_line(const char *names, const char *name)
{
	size_t size = strlen(name);
	struct termios raw;
	char path[32];
	int number = 1, fd;

	while (strncmp(names, name, size) || (names[size] && names[size] != ',')) {
		names = strchr(names, ',');
		if (!names)
			return -1;
		names++;
		number++;
	}
	snprintf(path, sizeof(path), "/dev/ttyS%d", number);
	fd = open(path, O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (fd < 0)
		return -1;
	if (tcgetattr(fd, &raw))
		goto fail;
	cfmakeraw(&raw);
	if (tcsetattr(fd, TCSANOW, &raw) || write(fd, "", 1) != 1)
		goto fail;
	return fd;
fail:
	close(fd);
	return -1;
}

/* A way to the host, by name. */
int open_port(const char *name)
{
	const char *names = getenv("ZKVM_PORTS");

	return names ? open_serial_line(names, name) : open_virtio_port(name);
}
