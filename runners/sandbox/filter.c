/* The lists. A step is a program of any kind, so what it may not do is listed; a child that only
 * computes is ours, so what it may do is. Everything of another architecture ends the process: the
 * numbers of the lists would mean something else there. */
#include "runners/sandbox/filter.h"
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <seccomp.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>

/* Names, because a kernel header may be older than the call; what libseccomp does not know is not
 * there to be called either, or is caught by the rule on its family. */
static const char *const denied[] = {
	/* other processes */
	"ptrace",
	"process_vm_readv",
	"process_vm_writev",
	"process_madvise",
	"pidfd_getfd",
	"kcmp",
	"move_pages",
	"migrate_pages",
	/* mounts and namespaces */
	"mount",
	"umount2",
	"pivot_root",
	"chroot",
	"move_mount",
	"open_tree",
	"fsopen",
	"fspick",
	"fsconfig",
	"fsmount",
	"mount_setattr",
	"unshare",
	"setns",
	"open_tree_attr",
	/* doors to parts of the kernel that no tool needs */
	"add_key",
	"keyctl",
	"request_key",
	"bpf",
	"perf_event_open",
	"userfaultfd",
	"io_uring_setup",
	"io_uring_enter",
	"io_uring_register",
	"memfd_secret",
	"vmsplice",
	"lookup_dcookie",
	"modify_ldt",
	"personality",
	"uselib",
	"ustat",
	"sysfs",
	"fanotify_init",
	"name_to_handle_at",
	"open_by_handle_at",
	"io_setup",
	"io_submit",
	/* the machine */
	"kexec_load",
	"kexec_file_load",
	"init_module",
	"finit_module",
	"delete_module",
	"reboot",
	"swapon",
	"swapoff",
	"quotactl",
	"quotactl_fd",
	"acct",
	"syslog",
	"iopl",
	"ioperm",
	"settimeofday",
	"clock_settime",
	"clock_adjtime",
	"adjtimex",
	"sethostname",
	"setdomainname",
	"vhangup",
	"nfsservctl",
	/* scheduling above others */
	"sched_setattr",
	"ioprio_set",
};

/* What an own process, network and ipc namespace would have kept apart. */
static const char *const denied_without_namespaces[] = { "shmget", "shmat", "shmctl", "semget",
	"semop", "semtimedop", "semctl", "msgget", "msgsnd", "msgrcv", "msgctl", "mq_open",
	"mq_unlink", "pidfd_open", "pidfd_send_signal" };

static const char *const computing[] = { "read", "readv", "pread64", "write", "writev", "pwrite64",
	"lseek", "fstat", "newfstatat", "close", "mmap", "munmap", "mremap", "mprotect", "madvise",
	"brk", "exit", "exit_group", "rt_sigreturn", "rt_sigaction", "rt_sigprocmask", "futex",
	"getpid", "gettid", "tgkill", "clock_gettime", "getrandom", "sigaltstack", "sched_yield",
	"fcntl" };

static int deny(scmp_filter_ctx context, const char *const *names, size_t count)
{
	int r = 0;

	for (size_t i = 0; i < count && r == 0; i++) {
		int number = seccomp_syscall_resolve_name(names[i]);

		if (number >= 0)
			r = seccomp_rule_add(context, SCMP_ACT_ERRNO(EPERM), number, 0);
	}
	return r;
}

/* A namespace needs a flag of clone. clone3 hides its flags behind a pointer, which a filter cannot
 * follow: it is said not to exist, and everybody then uses clone. */
static int deny_namespaces(scmp_filter_ctx context)
{
	static const uint64_t flags[] = { CLONE_NEWUSER, CLONE_NEWPID, CLONE_NEWNS, CLONE_NEWNET,
		CLONE_NEWIPC, CLONE_NEWUTS, CLONE_NEWCGROUP };
	int r = seccomp_rule_add(context, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0);

	for (size_t i = 0; i < countof(flags) && r == 0; i++)
		r = seccomp_rule_add(context, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(clone), 1,
			SCMP_A0(SCMP_CMP_MASKED_EQ, flags[i], flags[i]));
	return r;
}

/* Families that are allowed lie between others, so each gap is a rule. No raw packets. */
static int deny_sockets(scmp_filter_ctx context)
{
	static const struct {
		uint64_t from, to;
	} allowed[] = { { AF_UNIX, AF_INET }, { AF_INET6, AF_INET6 }, { AF_NETLINK, AF_NETLINK } };
	int r = seccomp_rule_add(context, SCMP_ACT_ERRNO(EAFNOSUPPORT), SCMP_SYS(socket), 1,
		SCMP_A0_32(SCMP_CMP_LT, allowed[0].from));

	for (unsigned family = AF_INET + 1; family < AF_NETLINK && r == 0; family++)
		if (family != AF_INET6)
			r = seccomp_rule_add(context, SCMP_ACT_ERRNO(EAFNOSUPPORT),
				SCMP_SYS(socket), 1, SCMP_A0_32(SCMP_CMP_EQ, family));
	if (r == 0)
		r = seccomp_rule_add(context, SCMP_ACT_ERRNO(EAFNOSUPPORT), SCMP_SYS(socket), 1,
			SCMP_A0_32(SCMP_CMP_GT, AF_NETLINK));
	/* With any protocol and with SOCK_NONBLOCK or SOCK_CLOEXEC; 0xf is the type's part. */
	for (unsigned family = AF_INET; family <= AF_INET6 && r == 0; family += AF_INET6 - AF_INET)
		r = seccomp_rule_add(context, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(socket), 2,
			SCMP_A0_32(SCMP_CMP_EQ, family),
			SCMP_A1_32(SCMP_CMP_MASKED_EQ, 0xf, SOCK_RAW));
	return r;
}

/* Without a network namespace: only streams reach another machine, and those a Landlock rule
 * stops. */
static int deny_datagrams(scmp_filter_ctx context)
{
	int r = 0;

	for (unsigned family = AF_INET; family <= AF_INET6 && r == 0; family += AF_INET6 - AF_INET)
		for (unsigned type = SOCK_DGRAM; type <= 0xf && r == 0; type++)
			if (type != SOCK_RAW)
				r = seccomp_rule_add(context, SCMP_ACT_ERRNO(EPERM),
					SCMP_SYS(socket), 2, SCMP_A0_32(SCMP_CMP_EQ, family),
					SCMP_A1_32(SCMP_CMP_MASKED_EQ, 0xf, type));
	return r;
}

/* A file that runs as its owner outlives the sandbox that left it. The mode of an open means
 * something only where a file is made. */
static int deny_set_id_files(scmp_filter_ctx context)
{
	static const struct {
		const char *name;
		unsigned mode, flags; /* which arguments; no flags: 0 */
	} calls[] = { { "chmod", 1, 0 }, { "fchmod", 1, 0 }, { "fchmodat", 2, 0 },
		{ "fchmodat2", 2, 0 }, { "mknod", 1, 0 }, { "mknodat", 2, 0 }, { "mkdir", 1, 0 },
		{ "mkdirat", 2, 0 }, { "creat", 1, 0 }, { "open", 2, 1 }, { "openat", 3, 2 } };
	static const uint64_t bits[] = { S_ISUID, S_ISGID };
	int r = 0;

	for (size_t i = 0; i < countof(calls) * countof(bits) && r == 0; i++) {
		int number = seccomp_syscall_resolve_name(calls[i / 2].name);
		uint64_t bit = bits[i % 2];
		struct scmp_arg_cmp tests[] = {
			SCMP_CMP(calls[i / 2].mode, SCMP_CMP_MASKED_EQ, bit, bit),
			SCMP_CMP(calls[i / 2].flags, SCMP_CMP_MASKED_EQ, O_CREAT, O_CREAT),
		};

		if (number >= 0)
			r = seccomp_rule_add_array(context, SCMP_ACT_ERRNO(EPERM), number,
				calls[i / 2].flags != 0 ? 2 : 1, tests);
	}
	/* The mode of openat2 is behind a pointer. Who uses it falls back to openat. */
	if (r == 0)
		r = seccomp_rule_add(context, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(openat2), 0);
	return r;
}

/* Devices, and typing into somebody's terminal. */
static int deny_devices(scmp_filter_ctx context)
{
	static const uint64_t kinds[] = { S_IFCHR, S_IFBLK };
	static const uint64_t requests[] = { TIOCSTI, TIOCLINUX };
	int r = 0;

	for (size_t i = 0; i < countof(kinds) && r == 0; i++) {
		r = seccomp_rule_add(context, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(mknod), 1,
			SCMP_A1(SCMP_CMP_MASKED_EQ, S_IFMT, kinds[i]));
		if (r == 0)
			r = seccomp_rule_add(context, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(mknodat), 1,
				SCMP_A2(SCMP_CMP_MASKED_EQ, S_IFMT, kinds[i]));
	}
	for (size_t i = 0; i < countof(requests) && r == 0; i++)
		r = seccomp_rule_add(context, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(ioctl), 1,
			SCMP_A1_32(SCMP_CMP_EQ, requests[i]));
	return r;
}

static int allow(scmp_filter_ctx context, const char *const *names, size_t count)
{
	int r = 0;

	for (size_t i = 0; i < count && r == 0; i++) {
		int number = seccomp_syscall_resolve_name(names[i]);

		if (number >= 0)
			r = seccomp_rule_add(context, SCMP_ACT_ALLOW, number, 0);
	}
	return r;
}

static int fill(scmp_filter_ctx context, enum filter_kind kind)
{
	int r = seccomp_attr_set(context, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS);

	/* A search tree instead of a list: every call of every tool goes through this. */
	if (r == 0)
		r = seccomp_attr_set(context, SCMP_FLTATR_CTL_OPTIMIZE, 2);
	if (r == 0 && kind == FILTER_COMPUTE)
		return allow(context, computing, countof(computing));
	if (r == 0)
		r = deny(context, denied, countof(denied));
	if (r == 0)
		r = deny_namespaces(context);
	if (r == 0)
		r = deny_sockets(context);
	if (r == 0)
		r = deny_set_id_files(context);
	if (r == 0)
		r = deny_devices(context);
	if (r == 0 && kind == FILTER_LANDLOCK)
		r = deny(context, denied_without_namespaces, countof(denied_without_namespaces));
	if (r == 0 && kind == FILTER_LANDLOCK)
		r = deny_datagrams(context);
	return r;
}

static int export(scmp_filter_ctx context, struct filter *ret, struct err *err)
{
	_cleanup_fd_ int fd = memfd_create("filter", MFD_CLOEXEC);
	struct stat st;

	if (fd < 0 || seccomp_export_bpf(context, fd) < 0 || fstat(fd, &st) < 0)
		return err_set(err, ERR_SYSTEM, "cannot compile the filter of system calls");
	ret->count = (unsigned short)((size_t)st.st_size / sizeof(struct sock_filter));
	ret->program = mem_alloc((size_t)st.st_size);
	if (pread(fd, ret->program, (size_t)st.st_size, 0) != st.st_size)
		return err_sys(err, ERR_SYSTEM, errno, "cannot read the filter of system calls");
	return 0;
}

int filter_make(enum filter_kind kind, struct filter *ret, struct err *err)
{
	scmp_filter_ctx context = seccomp_init(
		kind == FILTER_COMPUTE ? SCMP_ACT_ERRNO(EPERM) : SCMP_ACT_ALLOW);
	int r;

	*ret = (struct filter){ 0 };
	if (context == NULL)
		return err_set(err, ERR_SYSTEM, "cannot begin a filter of system calls");
	r = fill(context, kind);
	r = r < 0 ? err_sys(err, ERR_SYSTEM, -r, "cannot make the filter of system calls")
		  : export(context, ret, err);
	seccomp_release(context);
	return r;
}

void filter_release(struct filter *filter)
{
	free(filter->program);
	*filter = (struct filter){ 0 };
}

int filter_install(const struct filter *filter)
{
	struct sock_fprog program = { .len = filter->count, .filter = filter->program };

	if (filter->count == 0) {
		errno = EINVAL;
		return -1;
	}
	return (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program);
}
