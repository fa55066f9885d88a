/* Each row tries something for real and says whether it succeeded. An attack is written so that it
 * does no harm where it succeeds: it attaches and detaches, opens and closes. */
#include "runners/sandbox/probe.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>

typedef struct probe_victim victim;

static int number_of(const char *text)
{
	return (int)strtol(text, NULL, 10);
}

static bool opens(const char *path, int flags)
{
	_cleanup_fd_ int fd = open(path, flags | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, 0600);

	return fd >= 0;
}

/* Whether one byte can be had of it: some files open and then refuse. */
static bool reads(const char *path)
{
	_cleanup_fd_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	char byte;

	return fd >= 0 && read(fd, &byte, 1) == 1;
}

/* Allowed: it worked, or failed for another reason than being forbidden. */
static bool was_allowed(long result)
{
	return result >= 0 || (errno != EPERM && errno != EACCES && errno != ENOSYS);
}

/* ---- other processes ---- */

static bool reads_victim(const victim *at, const char *name)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%s/%s", at->pid, name);
	return reads(path);
}

static bool other_environment(const victim *at)
{
	return reads_victim(at, "environ");
}

static bool other_memory(const victim *at)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%s/mem", at->pid);
	return opens(path, O_RDONLY);
}

static bool keeper_environment(_unused_ const victim *at)
{
	return reads("/proc/1/environ");
}

static bool keeper_root(_unused_ const victim *at)
{
	return opens("/proc/1/root/etc", O_RDONLY | O_DIRECTORY);
}

static bool keeper_program(_unused_ const victim *at)
{
	return opens("/proc/1/exe", O_RDONLY);
}

/* Our own, the keeper and perhaps one more. */
static bool other_processes(_unused_ const victim *at)
{
	DIR *folder = opendir("/proc");
	const struct dirent *entry;
	int count = 0;

	while (folder != NULL && (entry = readdir(folder)) != NULL)
		count += entry->d_name[0] >= '1' && entry->d_name[0] <= '9';
	if (folder != NULL)
		closedir(folder);
	return count > 3;
}

static bool trace(const victim *at)
{
	if (ptrace(PTRACE_SEIZE, number_of(at->pid), NULL, NULL) < 0)
		return false;
	kill(getpid(), 0);
	return true; /* our end detaches */
}

static bool read_memory(const victim *at)
{
	char byte;
	struct iovec here = { &byte, 1 }, there = { (void *)&probe_main, 1 };

	return was_allowed(process_vm_readv(number_of(at->pid), &here, 1, &there, 1, 0)) &&
	       errno != ESRCH;
}

static bool take_descriptor(const victim *at)
{
	_cleanup_fd_ int process = (int)syscall(SYS_pidfd_open, number_of(at->pid), 0);
	_cleanup_fd_ int fd = process < 0 ? -1 : (int)syscall(SYS_pidfd_getfd, process, 0, 0);

	return fd >= 0;
}

static bool send_signal(const victim *at)
{
	return kill(number_of(at->pid), 0) == 0;
}

/* ---- files ---- */

static bool data_folder(const victim *at)
{
	return opens(at->data, O_RDONLY | O_DIRECTORY);
}

static bool machine_files(_unused_ const victim *at)
{
	static const char *const paths[] = { "/etc/shadow", "/etc/fstab", "/etc/machine-id",
		"/var/log", "/var/lib", "/sys/kernel", "/boot" };

	for (size_t i = 0; i < countof(paths); i++)
		if (opens(paths[i], O_RDONLY))
			return true;
	return false;
}

static bool writes_in(const char *folder)
{
	char path[4096];

	snprintf(path, sizeof(path), "%s/.probe-%d", folder, (int)getpid());
	if (!opens(path, O_WRONLY | O_CREAT | O_EXCL))
		return false;
	unlink(path);
	return true;
}

static bool write_system(_unused_ const victim *at)
{
	static const char *const folders[] = { "/", "/usr", "/usr/local/bin", "/etc", "/var/tmp/..",
		"/dev" };

	for (size_t i = 0; i < countof(folders); i++)
		if (writes_in(folders[i]))
			return true;
	return false;
}

/* The working folder is the project's. */
static bool write_tree(const victim *at)
{
	return strstr(at->write, "tree") == NULL && writes_in(".");
}

static bool write_out(const victim *at)
{
	return strstr(at->write, "out") == NULL && writes_in("/out");
}

static bool write_kernel_setting(_unused_ const victim *at)
{
	return opens("/proc/sys/kernel/core_pattern", O_WRONLY) ||
	       opens("/proc/sys/kernel/hostname", O_WRONLY) ||
	       opens("/proc/sysrq-trigger", O_WRONLY);
}

static bool control_groups(_unused_ const victim *at)
{
	return opens("/sys/fs/cgroup", O_RDONLY | O_DIRECTORY);
}

static bool set_id_file(const victim *at)
{
	char path[4096];
	bool is_open;

	snprintf(path, sizeof(path), "%s/.probe-id-%d", at->tmp, (int)getpid());
	if (!opens(path, O_WRONLY | O_CREAT | O_EXCL))
		return false;
	is_open = chmod(path, 04755) == 0;
	unlink(path);
	return is_open;
}

static bool device_node(const victim *at)
{
	char path[4096];
	bool is_open;

	snprintf(path, sizeof(path), "%s/.probe-dev-%d", at->tmp, (int)getpid());
	is_open = mknod(path, S_IFCHR | 0600, 0x0103) == 0;
	unlink(path);
	return is_open;
}

static bool devices(_unused_ const victim *at)
{
	static const char *const paths[] = { "/dev/kvm", "/dev/fuse", "/dev/mem", "/dev/kmsg",
		"/dev/net/tun", "/dev/tty", "/dev/loop-control", "/dev/vsock", "/dev/vda" };

	for (size_t i = 0; i < countof(paths); i++)
		if (opens(paths[i], O_RDWR) || opens(paths[i], O_RDONLY))
			return true;
	return false;
}

static bool file_handle(_unused_ const victim *at)
{
	struct {
		struct file_handle handle;
		char room[MAX_HANDLE_SZ];
	} name = { .handle.handle_bytes = MAX_HANDLE_SZ };
	int mount_id;

	return was_allowed(name_to_handle_at(AT_FDCWD, ".", &name.handle, &mount_id, 0));
}

static bool inherited_descriptor(_unused_ const victim *at)
{
	for (int fd = 3; fd < 1024; fd++)
		if (fcntl(fd, F_GETFD) >= 0)
			return true;
	return false;
}

/* ---- network ---- */

static bool connects_within(int fd, const void *address, socklen_t length)
{
	struct pollfd wait = { .fd = fd, .events = POLLOUT };
	int failed = 0;
	socklen_t size = sizeof(failed);

	if (connect(fd, address, length) == 0)
		return true;
	if (errno != EINPROGRESS)
		return false;
	/* Underway at all: there is a route. */
	return poll(&wait, 1, 20) != 1 ||
	       (getsockopt(fd, SOL_SOCKET, SO_ERROR, &failed, &size) == 0 && failed == 0);
}

static bool connects(uint32_t to, int port)
{
	_cleanup_fd_ int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	struct sockaddr_in address = { .sin_family = AF_INET,
		.sin_port = htons((uint16_t)port),
		.sin_addr.s_addr = htonl(to) };

	return fd >= 0 && connects_within(fd, &address, sizeof(address));
}

static bool server_port(const victim *at)
{
	return connects(INADDR_LOOPBACK, number_of(at->port));
}

static bool metadata_address(_unused_ const victim *at)
{
	return connects(0xa9fea9fe, 80);
}

static bool datagrams(_unused_ const victim *at)
{
	_cleanup_fd_ int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct sockaddr_in address = {
		.sin_family = AF_INET, .sin_port = htons(53), .sin_addr.s_addr = htonl(0x08080808)
	};

	return fd >= 0 && sendto(fd, "x", 1, 0, (struct sockaddr *)&address, sizeof(address)) == 1;
}

static bool connects_unix(const char *name, bool is_abstract)
{
	_cleanup_fd_ int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	struct sockaddr_un address = { .sun_family = AF_UNIX };

	snprintf(address.sun_path + is_abstract, sizeof(address.sun_path) - 1, "%s", name);
	return fd >= 0 && connects_within(fd, &address,
				  (socklen_t)(offsetof(struct sockaddr_un, sun_path) +
					      (size_t)is_abstract + strlen(name) + !is_abstract));
}

static bool abstract_socket(const victim *at)
{
	return connects_unix(at->abstract, true);
}

static bool path_socket(const victim *at)
{
	return connects_unix(at->socket, false);
}

static bool makes_socket(int family, int type)
{
	_cleanup_fd_ int fd = socket(family, type | SOCK_CLOEXEC, 0);

	return fd >= 0;
}

static bool raw_socket(_unused_ const victim *at)
{
	return makes_socket(AF_INET, SOCK_RAW) || makes_socket(AF_PACKET, SOCK_RAW) ||
	       makes_socket(AF_PACKET, SOCK_DGRAM);
}

/* Not kept apart by a network namespace: the first speaks with the machine below. */
static bool odd_sockets(_unused_ const victim *at)
{
	return makes_socket(AF_VSOCK, SOCK_STREAM) || makes_socket(AF_ALG, SOCK_SEQPACKET) ||
	       makes_socket(AF_KEY, SOCK_RAW);
}

/* ---- the kernel ---- */

static bool shared_memory(const victim *at)
{
	int id = shmget((key_t)number_of(at->shm), 0, 0);
	void *memory = id < 0 ? (void *)-1 : shmat(id, NULL, SHM_RDONLY);

	return memory != (void *)-1 && shmdt(memory) == 0;
}

static bool user_namespace(_unused_ const victim *at)
{
	pid_t pid = (pid_t)syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, NULL, NULL, NULL, NULL);

	if (pid == 0)
		_exit(0);
	if (pid > 0)
		waitpid(pid, NULL, 0);
	return pid > 0;
}

/* The first argument of a struct that the kernel must not even look at. */
static bool hidden_clone(_unused_ const victim *at)
{
	return syscall(SYS_clone3, NULL, 0) < 0 && errno != ENOSYS;
}

static bool unshare_any(_unused_ const victim *at)
{
	int status = 0;
	pid_t pid = fork();

	if (pid == 0)
		_exit(unshare(CLONE_NEWUSER) == 0 || unshare(CLONE_NEWNS) == 0 ? 1 : 0);
	return pid > 0 && waitpid(pid, &status, 0) == pid && WEXITSTATUS(status) == 1;
}

static bool mounts(_unused_ const victim *at)
{
	/* Wrong on purpose: who may mount is told EFAULT or ENOENT. */
	return was_allowed(mount("none", "/no/such/place", "tmpfs", 0, NULL)) ||
	       was_allowed(syscall(SYS_fsopen, "no-such-kind", 0)) ||
	       was_allowed(syscall(SYS_pivot_root, "/no/such", "/no/such")) ||
	       was_allowed(chroot("/no/such/place"));
}

static bool key_rings(_unused_ const victim *at)
{
	return was_allowed(syscall(SYS_keyctl, 0, -3, 0)) ||
	       was_allowed(syscall(SYS_add_key, "user", "sluice-probe", "x", 1, -1));
}

static bool kernel_programs(_unused_ const victim *at)
{
	return was_allowed(syscall(SYS_bpf, 0, NULL, 0));
}

static bool kernel_counters(_unused_ const victim *at)
{
	return was_allowed(syscall(SYS_perf_event_open, NULL, 0, -1, -1, 0));
}

static bool ring_buffers(_unused_ const victim *at)
{
	return was_allowed(syscall(SYS_io_uring_setup, 0, NULL));
}

static bool page_faults(_unused_ const victim *at)
{
	_cleanup_fd_ int fd = (int)syscall(SYS_userfaultfd, O_CLOEXEC | 1);

	return fd >= 0;
}

static bool secret_memory(_unused_ const victim *at)
{
	_cleanup_fd_ int fd = (int)syscall(SYS_memfd_secret, 0);

	return fd >= 0;
}

static bool machine_control(_unused_ const victim *at)
{
	/* A magic that no kernel knows: EINVAL to who may. */
	return (syscall(SYS_reboot, 0, 0, 0, NULL) < 0 && errno == EINVAL) ||
	       (syscall(SYS_init_module, NULL, 0, "") < 0 && errno != EPERM && errno != ENOSYS) ||
	       was_allowed(syscall(SYS_syslog, 10, NULL, 0));
}

static bool clock_or_name(_unused_ const victim *at)
{
	char name[256] = "";

	return (gethostname(name, sizeof(name) - 1) == 0 && sethostname(name, strlen(name)) == 0) ||
	       was_allowed(syscall(SYS_clock_settime, -1, NULL));
}

/* Ends the process when it is refused, so in a child. */
static bool child_survives(void (*attack)(void))
{
	int status = 0;
	pid_t pid = fork();

	if (pid == 0) {
		attack();
		_exit(0);
	}
	return pid > 0 && waitpid(pid, &status, 0) == pid && WIFEXITED(status);
}

#ifdef __x86_64__
static void call_32_bit(void)
{
	long result = 20; /* getpid */

	__asm__ volatile("int $0x80" : "+a"(result) : : "memory", "r8", "r9", "r10", "r11");
	if (result < 0)
		raise(SIGKILL);
}
#else
static void call_32_bit(void)
{
	raise(SIGKILL); /* there is no such entry */
}
#endif

static bool foreign_calls(_unused_ const victim *at)
{
	return child_survives(call_32_bit);
}

static bool terminal_input(_unused_ const victim *at)
{
	char byte = 'x';

	/* On no terminal: ENOTTY to who may. */
	return was_allowed(ioctl(STDIN_FILENO, TIOCSTI, &byte));
}

/* ---- rights and limits ---- */

static bool rights(_unused_ const victim *at)
{
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct sets[2] = { 0 };

	return syscall(SYS_capget, &head, sets) < 0 || sets[0].effective != 0 ||
	       sets[0].permitted != 0 || sets[1].effective != 0 || sets[1].permitted != 0;
}

static bool new_privileges(_unused_ const victim *at)
{
	return prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != 1;
}

static bool is_root(_unused_ const victim *at)
{
	return getuid() == 0 || geteuid() == 0 || getgid() == 0;
}

static bool urgent_scheduling(_unused_ const victim *at)
{
	const struct sched_param most = { .sched_priority = 1 };
	bool is_open = sched_setscheduler(0, SCHED_FIFO, &most) == 0;

	if (is_open)
		sched_setscheduler(0, SCHED_OTHER, &(struct sched_param){ 0 });
	return is_open || setpriority(PRIO_PROCESS, 0, -20) == 0;
}

/* Last of all to be killed when memory ends. */
static bool memory_score(_unused_ const victim *at)
{
	_cleanup_fd_ int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);

	return fd >= 0 && write(fd, "0", 1) == 1;
}

static bool odd_personality(_unused_ const victim *at)
{
	return was_allowed(syscall(SYS_personality, 0xffffffff));
}

static bool unlimited(__rlimit_resource_t what)
{
	struct rlimit now;

	return getrlimit(what, &now) < 0 || now.rlim_max == RLIM_INFINITY;
}

static bool no_limits(_unused_ const victim *at)
{
	struct rlimit core;

	return unlimited(RLIMIT_FSIZE) || unlimited(RLIMIT_DATA) || unlimited(RLIMIT_NOFILE) ||
	       getrlimit(RLIMIT_CORE, &core) < 0 || core.rlim_max != 0;
}

/* ---- the list ---- */

static const struct {
	const char *name;
	bool (*is_open)(const victim *at);
} attacks[] = {
	{ "environment of another process", other_environment },
	{ "memory file of another process", other_memory },
	{ "environment of the first process", keeper_environment },
	{ "root of the first process", keeper_root },
	{ "program of the first process", keeper_program },
	{ "list of other processes", other_processes },
	{ "trace another process", trace },
	{ "read another process", read_memory },
	{ "take a descriptor of another process", take_descriptor },
	{ "signal another process", send_signal },
	{ "data folder of the server", data_folder },
	{ "files of the machine", machine_files },
	{ "write to the system", write_system },
	{ "write to the work tree", write_tree },
	{ "write to the results", write_out },
	{ "write a setting of the kernel", write_kernel_setting },
	{ "control groups", control_groups },
	{ "leave a set-uid file", set_id_file },
	{ "make a device", device_node },
	{ "open a device", devices },
	{ "open a file by its handle", file_handle },
	{ "inherited descriptor", inherited_descriptor },
	{ "port of the server", server_port },
	{ "metadata address", metadata_address },
	{ "datagrams to the outside", datagrams },
	{ "abstract socket of the server", abstract_socket },
	{ "socket file of the server", path_socket },
	{ "raw packets", raw_socket },
	{ "sockets beside the network", odd_sockets },
	{ "shared memory of the server", shared_memory },
	{ "user namespace by clone", user_namespace },
	{ "clone3", hidden_clone },
	{ "unshare", unshare_any },
	{ "mount", mounts },
	{ "key rings", key_rings },
	{ "bpf", kernel_programs },
	{ "perf events", kernel_counters },
	{ "io_uring", ring_buffers },
	{ "userfaultfd", page_faults },
	{ "memfd_secret", secret_memory },
	{ "reboot, modules, kernel log", machine_control },
	{ "clock or host name", clock_or_name },
	{ "32-bit system calls", foreign_calls },
	{ "type into a terminal", terminal_input },
	{ "capabilities", rights },
	{ "new privileges", new_privileges },
	{ "user root", is_root },
	{ "urgent scheduling", urgent_scheduling },
	{ "score of the memory killer", memory_score },
	{ "personality", odd_personality },
	{ "resources without limit", no_limits },
};

int probe_main(int argc, char **argv)
{
	victim at;

	if (argc != PROBE_ARGS)
		return 2;
	at = (victim){ argv[0], argv[1], argv[2], argv[3], argv[4], argv[5], argv[6], argv[7] };
	for (size_t i = 0; i < countof(attacks); i++) {
		bool is_open;

		errno = 0;
		is_open = attacks[i].is_open(&at);
		printf("%s %s\n", is_open ? "open" : "closed", attacks[i].name);
	}
	/* What must work: a sandbox in which nothing runs would pass everything above. */
	if (!writes_in(at.tmp))
		printf("open cannot write to its own %s\n", at.tmp);
	printf("done\n");
	(void)fflush(stdout);
	_exit(0); /* a leak checker at the end of the program could not look around in here */
}
