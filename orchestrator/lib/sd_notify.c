/* A datagram to the manager's socket. */
#include "orchestrator/lib/sd_notify.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

int sd_notify(const char *state, struct err *err)
{
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	const char *path = getenv("NOTIFY_SOCKET");
	_cleanup_fd_ int fd = -1;
	size_t length;

	if (str_empty(path))
		return 0;
	length = strlen(path);
	if ((path[0] != '/' && path[0] != '@') || length >= sizeof(to.sun_path))
		return err_set(err, ERR_CONFIG, "NOTIFY_SOCKET is not a socket: %s", path);
	memcpy(to.sun_path, path, length);
	if (path[0] == '@')
		to.sun_path[0] = '\0'; /* the abstract namespace */
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return err_sys(err, ERR_SYSTEM, errno, "cannot talk to the service manager");
	if (sendto(fd, state, strlen(state), MSG_NOSIGNAL, (struct sockaddr *)&to,
		    (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length)) < 0)
		return err_sys(
			err, ERR_SYSTEM, errno, "cannot talk to the service manager at %s", path);
	return 0;
}

int64_t sd_watchdog_ms(void)
{
	const char *usec = getenv("WATCHDOG_USEC"), *pid = getenv("WATCHDOG_PID");
	long long every;

	if (str_empty(usec) || (!str_empty(pid) && strtoll(pid, NULL, 10) != getpid()))
		return 0; /* nobody watches, or somebody else is watched */
	every = strtoll(usec, NULL, 10) / 2000;
	return every > 0 ? every : 0;
}
