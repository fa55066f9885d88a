/* A kernel that lacks something: runs a program with system calls that fail.
 *
 *   deny ERRNO CALL... -- PROGRAM ARGUMENT...
 *
 * ERRNO is EPERM or ENOSYS. "namespaces" stands for the flags of clone, and unshare. */
#include <errno.h>
#include <sched.h>
#include <seccomp.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static int deny_namespaces(scmp_filter_ctx context, uint32_t action)
{
	static const unsigned long flags[] = { CLONE_NEWUSER, CLONE_NEWPID, CLONE_NEWNS,
		CLONE_NEWNET, CLONE_NEWIPC, CLONE_NEWUTS };
	int r = seccomp_rule_add(context, action, SCMP_SYS(unshare), 0);

	for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]) && r == 0; i++)
		r = seccomp_rule_add(context, action, SCMP_SYS(clone), 1,
			SCMP_A0(SCMP_CMP_MASKED_EQ, flags[i], flags[i]));
	/* The flags of clone3 cannot be seen by a filter; containers say that it does not exist. */
	return r < 0 ? r : seccomp_rule_add(context, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0);
}

int main(int argc, char **argv)
{
	scmp_filter_ctx context = seccomp_init(SCMP_ACT_ALLOW);
	uint32_t action;
	int i, r = context == NULL ? -ENOMEM : 0;

	if (argc < 4)
		return 2;
	action = SCMP_ACT_ERRNO((unsigned)(strcmp(argv[1], "ENOSYS") == 0 ? ENOSYS : EPERM));
	/* Whoever is root keeps its rights. */
	if (r == 0 && geteuid() == 0)
		r = seccomp_attr_set(context, SCMP_FLTATR_CTL_NNP, 0);
	for (i = 2; i < argc && strcmp(argv[i], "--") != 0 && r == 0; i++) {
		if (strcmp(argv[i], "namespaces") == 0)
			r = deny_namespaces(context, action);
		else
			r = seccomp_rule_add(
				context, action, seccomp_syscall_resolve_name(argv[i]), 0);
	}
	if (r == 0)
		r = seccomp_load(context);
	if (r < 0 || i + 1 >= argc) {
		fprintf(stderr, "deny: %s\n", strerror(-r));
		return 2;
	}
	execv(argv[i + 1], argv + i + 1);
	perror(argv[i + 1]);
	return 127;
}
