/* Unknown bits are EINVAL to an older kernel, so rights are cut to what its interface knows; what a
 * tier cannot do without is decided before, by the number of the interface. */
#include "runners/sandbox/landlock.h"
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>

/* The kernel's interface in our words: the headers of the system may be older than its kernel. */
enum {
	CREATE_RULESET = 444,
	ADD_RULE = 445,
	RESTRICT_SELF = 446,
	VERSION_QUESTION = 1,
	RULE_PATH = 1,
	RULE_PORT = 2,
};
enum {
	FS_EXECUTE = 1 << 0,
	FS_WRITE_FILE = 1 << 1,
	FS_READ_FILE = 1 << 2,
	FS_READ_DIR = 1 << 3,
	FS_REFER = 1 << 13,    /* since 2 */
	FS_TRUNCATE = 1 << 14, /* since 3 */
	FS_IOCTL = 1 << 15,    /* since 5 */
	NET_BIND = 1 << 0,     /* since 4 */
	NET_CONNECT = 1 << 1,
	SCOPE_ABSTRACT = 1 << 0, /* since 6 */
	SCOPE_SIGNAL = 1 << 1,
};
struct ruleset {
	uint64_t fs, net, scoped;
};
struct path_rule {
	uint64_t allowed;
	int32_t parent;
} __attribute__((packed));
struct port_rule {
	uint64_t allowed, port;
};

int landlock_abi(void)
{
	long abi = syscall(CREATE_RULESET, NULL, 0, VERSION_QUESTION);

	return abi < 0 ? 0 : (int)abi;
}

static uint64_t all_of(int abi)
{
	unsigned bits = abi >= 5 ? 16 : abi >= 3 ? 15 : abi >= 2 ? 14 : 13;

	return (1ULL << bits) - 1;
}

static uint64_t rights_of(enum landlock_kind kind, bool is_folder, int abi)
{
	uint64_t file = FS_EXECUTE | FS_WRITE_FILE | FS_READ_FILE | FS_TRUNCATE | FS_IOCTL;
	uint64_t wanted = 0;

	switch (kind) {
	case LANDLOCK_READ:
		wanted = FS_EXECUTE | FS_READ_FILE | FS_READ_DIR;
		break;
	case LANDLOCK_WRITE:
		wanted = all_of(abi) & ~(uint64_t)FS_IOCTL;
		break;
	case LANDLOCK_DEVICE:
		wanted = FS_READ_FILE | FS_WRITE_FILE | FS_TRUNCATE;
		break;
	}
	/* A right of folders on a file is EINVAL. */
	return (is_folder ? wanted : wanted & file) & all_of(abi);
}

static int add_path(int ruleset, const struct landlock_rule *rule, int abi)
{
	_cleanup_fd_ int fd = open(rule->path, O_PATH | O_CLOEXEC);
	struct path_rule path = { .parent = fd };
	struct stat st;

	if (fd < 0)
		return rule->is_optional && errno == ENOENT ? 0 : -1;
	if (fstat(fd, &st) < 0)
		return -1;
	path.allowed = rights_of(rule->kind, S_ISDIR(st.st_mode), abi);
	return (int)syscall(ADD_RULE, ruleset, RULE_PATH, &path, 0);
}

static size_t ruleset_size(int abi)
{
	return abi >= 6	  ? sizeof(struct ruleset)
	       : abi >= 4 ? 2 * sizeof(uint64_t)
			  : sizeof(uint64_t);
}

int landlock_enforce(const struct landlock_policy *policy, int abi)
{
	struct ruleset attributes = { .fs = all_of(abi) };
	struct port_rule port = { .allowed = NET_CONNECT, .port = policy->port };
	_cleanup_fd_ int ruleset = -1;

	if (policy->guards_network) {
		attributes.net = NET_BIND | NET_CONNECT;
		attributes.scoped = SCOPE_ABSTRACT | SCOPE_SIGNAL;
	}
	ruleset = (int)syscall(CREATE_RULESET, &attributes, ruleset_size(abi), 0);
	if (ruleset < 0)
		return -1;
	for (size_t i = 0; i < policy->count; i++)
		if (add_path(ruleset, &policy->rules[i], abi) < 0)
			return -1;
	if (policy->guards_network && policy->port != 0 &&
		syscall(ADD_RULE, ruleset, RULE_PORT, &port, 0) < 0)
		return -1;
	return (int)syscall(RESTRICT_SELF, ruleset, 0);
}
