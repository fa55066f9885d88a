/* links: lib_loop lib */
/* Telling the service manager: a path, an abstract name, and nobody to tell. */
#include "tests/lib/cases.h"

#include "orchestrator/lib/sd_notify.h"

#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

static int manager_at(const char *name)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	size_t length = strlen(name);

	assert_true(length < sizeof(at.sun_path));
	memcpy(at.sun_path, name, length);
	if (name[0] == '@')
		at.sun_path[0] = '\0';
	assert_int_equal(bind(fd, (struct sockaddr *)&at,
				 (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length)),
		0);
	return fd;
}

static void hears(const char *name)
{
	_cleanup_fd_ int fd = manager_at(name);
	char heard[100] = { 0 };
	struct err err;

	setenv("NOTIFY_SOCKET", name, 1);
	assert_ok(sd_notify("READY=1\nSTATUS=3 runs", &err), &err);
	assert_int_equal(recv(fd, heard, sizeof(heard) - 1, 0), 21);
	assert_string_equal(heard, "READY=1\nSTATUS=3 runs");
	assert_ok(sd_notify("STOPPING=1", &err), &err);
	assert_int_equal(recv(fd, heard, sizeof(heard) - 1, 0), 10);
	unsetenv("NOTIFY_SOCKET");
}

static void speaks_to_a_path(_unused_ void **state)
{
	_cleanup_free_ char *path = mem_printf("%s/notify", cases_folder());

	hears(path);
}

static void speaks_to_an_abstract_name(_unused_ void **state)
{
	_cleanup_free_ char *name = mem_printf("@sluice-test-%d", getpid());

	hears(name);
}

static void nobody_to_tell_is_fine(_unused_ void **state)
{
	struct err err;

	unsetenv("NOTIFY_SOCKET");
	assert_ok(sd_notify("READY=1", &err), &err);
	setenv("NOTIFY_SOCKET", "", 1);
	assert_ok(sd_notify("READY=1", &err), &err);
	unsetenv("NOTIFY_SOCKET");
}

static void says_what_is_wrong(_unused_ void **state)
{
	char long_name[200];
	struct err err;

	setenv("NOTIFY_SOCKET", "relative", 1);
	assert_err(sd_notify("READY=1", &err), &err, ERR_CONFIG, "not a socket: relative");
	memset(long_name, 'x', sizeof(long_name) - 1);
	long_name[0] = '/';
	long_name[sizeof(long_name) - 1] = '\0';
	setenv("NOTIFY_SOCKET", long_name, 1);
	assert_err(sd_notify("READY=1", &err), &err, ERR_CONFIG, "not a socket");
	setenv("NOTIFY_SOCKET", "/nonexistent/notify", 1);
	assert_err(sd_notify("READY=1", &err), &err, ERR_SYSTEM, "/nonexistent/notify");
	unsetenv("NOTIFY_SOCKET");
}

struct watchdog_case {
	const char *name, *usec, *pid;
	int64_t every_ms;
};

static const struct watchdog_case watchdog_cases[] = {
	{ "nobody watches", NULL, NULL, 0 },
	{ "half of what is allowed", "30000000", NULL, 15000 },
	{ "it is us", "2000000", "us", 1000 },
	{ "it is somebody else", "2000000", "1", 0 },
	{ "nonsense", "soon", NULL, 0 },
	{ "negative", "-5000", NULL, 0 },
};

static void knows_the_watchdog(void **state)
{
	const struct watchdog_case *row = *state;
	_cleanup_free_ char *us = mem_printf("%d", getpid());

	unsetenv("WATCHDOG_USEC");
	unsetenv("WATCHDOG_PID");
	if (row->usec != NULL)
		setenv("WATCHDOG_USEC", row->usec, 1);
	if (row->pid != NULL)
		setenv("WATCHDOG_PID", str_equal(row->pid, "us") ? us : row->pid, 1);
	assert_int_equal(sd_watchdog_ms(), row->every_ms);
}

int main(int argc, char **argv)
{
	CASE(speaks_to_a_path);
	CASE(speaks_to_an_abstract_name);
	CASE(nobody_to_tell_is_fine);
	CASE(says_what_is_wrong);
	CASES(watchdog_cases, knows_the_watchdog);
	return cases_run(argc, argv);
}
