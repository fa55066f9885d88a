/* A stream of libgit2's over a tunnel. */
#include "vcs/git/door.h"
#include "vcs/git/libgit.h"
#include <arpa/inet.h>
#include <errno.h>
#include <git2/sys/stream.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

enum { HEAD_MAX = 1024 };

static const char loopback[] = "http://127.0.0.1:";
static int door_port;

struct tunnel {
	git_stream stream; /* first: libgit2 knows us by it */
	int fd;
	char *host, *port;
};

static struct tunnel *tunnel_of(git_stream *stream)
{
	return (struct tunnel *)(void *)stream;
}

static int fail(const char *what, const char *why)
{
	_cleanup_free_ char *text = mem_printf("%s: %s", what, why);

	git_error_set_str(GIT_ERROR_NET, text);
	return -1;
}

/* To the byte: what follows the head is the host's. */
static bool head_read(int fd, char head[HEAD_MAX])
{
	for (size_t length = 0; length + 1 < HEAD_MAX; length++) {
		ssize_t got;

		do
			got = recv(fd, head + length, 1, 0);
		while (got < 0 && errno == EINTR);
		if (got <= 0)
			return false;
		head[length + 1] = '\0';
		if (length >= 3 && memcmp(head + length - 3, "\r\n\r\n", 4) == 0)
			return true;
	}
	return false;
}

/* "HTTP/1.1 403 sluice: no connection to ...": what stands behind the number is for people. */
static int answer_judge(const char *head)
{
	static const char version[] = "HTTP/1.1 ";
	_cleanup_free_ char *line = mem_strndup(head, strcspn(head, "\r\n"));

	if (str_starts(line, "HTTP/1.1 200"))
		return 0;
	return fail("no way out",
		strlen(line) > strlen(version) + 4 ? line + strlen(version) + 4 : line);
}

static int tunnel_connect(git_stream *stream)
{
	struct tunnel *tunnel = tunnel_of(stream);
	const struct sockaddr_in address = { .sin_family = AF_INET,
		.sin_port = htons((uint16_t)door_port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	bool is_long = strchr(tunnel->host, ':') != NULL;
	const int yes = 1;
	char head[HEAD_MAX];

	tunnel->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (tunnel->fd < 0 ||
		connect(tunnel->fd, (const struct sockaddr *)&address, sizeof(address)) < 0 ||
		dprintf(tunnel->fd, "CONNECT %s%s%s:%s HTTP/1.1\r\n\r\n", is_long ? "[" : "",
			tunnel->host, is_long ? "]" : "", tunnel->port) < 0 ||
		!head_read(tunnel->fd, head))
		return fail("the door of the job is gone", strerror(errno));
	setsockopt(tunnel->fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof(yes));
	return answer_judge(head);
}

static ssize_t tunnel_read(git_stream *stream, void *into, size_t size)
{
	ssize_t got;

	do
		got = recv(tunnel_of(stream)->fd, into, size, 0);
	while (got < 0 && errno == EINTR);
	return got < 0 ? fail("the connection broke", strerror(errno)) : got;
}

static ssize_t tunnel_write(git_stream *stream, const char *bytes, size_t size, int flags)
{
	ssize_t put;

	do
		put = send(tunnel_of(stream)->fd, bytes, size, flags | MSG_NOSIGNAL);
	while (put < 0 && errno == EINTR);
	return put < 0 ? fail("the connection broke", strerror(errno)) : put;
}

static int tunnel_close(git_stream *stream)
{
	fd_closep(&tunnel_of(stream)->fd);
	return 0;
}

static void tunnel_free(git_stream *stream)
{
	struct tunnel *tunnel = tunnel_of(stream);

	fd_closep(&tunnel->fd);
	free(tunnel->host);
	free(tunnel->port);
	free(tunnel);
}

static int tunnel_new(git_stream **ret, const char *host, const char *port)
{
	struct tunnel *tunnel = mem_alloc(sizeof(*tunnel));

	*tunnel = (struct tunnel){ .stream = { .version = GIT_STREAM_VERSION,
					   .connect = tunnel_connect,
					   .read = tunnel_read,
					   .write = tunnel_write,
					   .close = tunnel_close,
					   .free = tunnel_free },
		.fd = -1,
		.host = mem_strdup(host),
		.port = mem_strdup(port) };
	*ret = &tunnel->stream;
	return 0;
}

int door_use(const char *proxy, struct err *err)
{
	git_stream_registration tunnels = { .version = GIT_STREAM_VERSION, .init = tunnel_new };
	int code;

	if (str_empty(proxy))
		return 0;
	if (!str_starts(proxy, loopback) ||
		sscanf(proxy + strlen(loopback), "%5d", &door_port) != 1 || door_port < 1 ||
		door_port > 65535)
		return err_set(err, ERR_CONFIG, "the door of the job is not on this loopback");
	code = git_stream_register(GIT_STREAM_STANDARD, &tunnels);
	return code < 0 ? libgit_fail(err, code, "cannot use the door of the job") : 0;
}
