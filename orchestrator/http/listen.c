/* The two sockets that are listened on. */
#include "orchestrator/http/private.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

enum { BACKLOG = 511 };

union address {
	struct sockaddr any;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
};

static socklen_t address_of(const struct settings *settings, union address *ret)
{
	in_port_t port = htons((uint16_t)settings->listen_port);

	*ret = (union address){ .v4 = { .sin_family = AF_INET, .sin_port = port } };
	if (inet_pton(AF_INET, settings->listen_host, &ret->v4.sin_addr) == 1)
		return sizeof(ret->v4);
	*ret = (union address){ .v6 = { .sin6_family = AF_INET6, .sin6_port = port } };
	if (inet_pton(AF_INET6, settings->listen_host, &ret->v6.sin6_addr) == 1)
		return sizeof(ret->v6);
	return 0;
}

int http_listen_tcp(const struct settings *settings, int *ret_fd, int *ret_port, struct err *err)
{
	union address address;
	socklen_t length = address_of(settings, &address);
	_cleanup_fd_ int fd = -1;
	int one = 1;

	if (length == 0)
		return err_set(
			err, ERR_CONFIG, "listen: %s is not an address", settings->listen_host);
	fd = socket(address.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) < 0 ||
		bind(fd, &address.any, length) < 0 || listen(fd, BACKLOG) < 0 ||
		getsockname(fd, &address.any, &length) < 0)
		return err_class_set(err, ERR_NET, ERR_CLASS_CONFIG,
			"cannot listen on %s port %d: %s; choose another `listen:`",
			settings->listen_host, settings->listen_port, strerror(errno));
	*ret_port = ntohs(
		address.any.sa_family == AF_INET ? address.v4.sin_port : address.v6.sin6_port);
	*ret_fd = steal_fd(&fd);
	return 0;
}

/* An old socket is removed: the store's lock says that no other server lives on this folder. */
int http_listen_unix(const char *path, int *ret_fd, struct err *err)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	_cleanup_fd_ int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (strlen(path) >= sizeof(address.sun_path))
		return err_set(err, ERR_CONFIG,
			"the path of the data folder is too long for a socket: %s; choose a "
			"shorter --data",
			path);
	memcpy(address.sun_path, path, strlen(path));
	(void)unlink(path);
	if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0 ||
		chmod(path, 0600) < 0 || listen(fd, BACKLOG) < 0)
		return err_sys(err, ERR_NET, errno, "cannot listen on %s", path);
	*ret_fd = steal_fd(&fd);
	return 0;
}
