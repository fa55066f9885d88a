/* rlimits, identity, capabilities. */
#include "runners/sandbox/limits.h"
#include <errno.h>
#include <grp.h>
#include <linux/capability.h>
#include <linux/securebits.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>

enum { FILES_MAX = 4096, SIGNALS_MAX = 4096, LOCKED_MAX = 64 << 10, CPU_SECONDS = 60 };

/* A sanitizer keeps a shadow of all memory. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
static const uint64_t shadow_bytes = 1ULL << 46;
#else
static const uint64_t shadow_bytes = 0;
#endif

static int limit(__rlimit_resource_t what, uint64_t most)
{
	struct rlimit now;

	if (getrlimit(what, &now) < 0)
		return -1;
	if (now.rlim_max != RLIM_INFINITY && now.rlim_max < most)
		most = now.rlim_max;
	now.rlim_cur = now.rlim_max = most;
	return setrlimit(what, &now);
}

int limits_set(const struct profile *profile, int64_t processes)
{
	const struct {
		__rlimit_resource_t what;
		uint64_t most;
	} rows[] = {
		{ RLIMIT_CORE, 0 },
		{ RLIMIT_NOFILE, FILES_MAX },
		{ RLIMIT_FSIZE, (uint64_t)profile->disk_bytes },
		/* What can be written to, not what is reserved: tools reserve far more. */
		{ RLIMIT_DATA, (uint64_t)profile->memory_bytes + shadow_bytes },
		{ RLIMIT_MEMLOCK, LOCKED_MAX },
		{ RLIMIT_MSGQUEUE, 0 },
		{ RLIMIT_SIGPENDING, SIGNALS_MAX },
		{ RLIMIT_RTPRIO, 0 },
		{ RLIMIT_NPROC, (uint64_t)processes },
	};

	for (size_t i = 0; i < countof(rows); i++)
		if ((rows[i].what != RLIMIT_NPROC || processes > 0) &&
			limit(rows[i].what, rows[i].most) < 0)
			return -1;
	return 0;
}

int limits_set_computing(uint64_t memory_bytes)
{
	if (limit(RLIMIT_CORE, 0) < 0 || limit(RLIMIT_FSIZE, memory_bytes) < 0 ||
		limit(RLIMIT_CPU, CPU_SECONDS) < 0 || limit(RLIMIT_NPROC, 0) < 0)
		return -1;
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
	return limit(RLIMIT_AS, memory_bytes);
#else
	return 0;
#endif
}

/* Raw calls: those of libc tell every thread of the process, and there is one. */
static int become(uid_t uid, gid_t gid)
{
	if (syscall(SYS_setgroups, 0, NULL) < 0 || syscall(SYS_setresgid, gid, gid, gid) < 0)
		return -1;
	return (int)syscall(SYS_setresuid, uid, uid, uid);
}

static int drop_bounds(int kept)
{
	for (int cap = 0; prctl(PR_CAPBSET_READ, cap, 0, 0, 0) >= 0; cap++)
		if (cap != kept && prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) < 0)
			return -1;
	return 0;
}

static int drop_capabilities(int kept)
{
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct sets[2] = { 0 };

	if (kept >= 0) {
		uint32_t bit = 1U << (kept & 31);

		sets[kept >> 5].effective = sets[kept >> 5].permitted =
			sets[kept >> 5].inheritable = bit;
	}
	if (syscall(SYS_capset, &head, sets) < 0)
		return -1;
	return kept < 0 ? 0 : prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, kept, 0, 0);
}

int rights_drop(const struct identity *identity)
{
	const unsigned long bits = SECBIT_NOROOT | SECBIT_NOROOT_LOCKED | SECBIT_NO_SETUID_FIXUP |
				   SECBIT_NO_SETUID_FIXUP_LOCKED | SECBIT_KEEP_CAPS_LOCKED;

	if (identity->has_rights &&
		(prctl(PR_SET_SECUREBITS, bits, 0, 0, 0) < 0 || drop_bounds(identity->kept) < 0))
		return -1;
	if (identity->changes && become(identity->uid, identity->gid) < 0)
		return -1;
	if (drop_capabilities(identity->kept) < 0)
		return -1;
	umask(077);
	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ? -1 : prctl(PR_SET_DUMPABLE, 0);
}
