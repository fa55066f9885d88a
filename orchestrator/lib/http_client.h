/* HTTP requests, and mail, on the loop: the only wrapper of libcurl. The client owns its transfers;
 * every request is answered exactly once, unless it or the client is freed before.
 *
 * A request that is not a GET is sent at most once. A connection of HTTP/1 on which something came
 * that nobody asked for is not used again; what comes there after the next request was sent cannot
 * be told from its answer.
 * Only http and https, no redirects (a credential never follows one), headers and body capped while
 * they arrive. Errors do not name the URL: some URLs are credentials. */
#pragma once
#include "orchestrator/lib/base.h"
#include "orchestrator/lib/err.h"

struct loop;
struct http_client;
struct http_call;

/* A message for a mail server: the URL is smtp:// or smtps://, the body the message as RFC 5322 has
 * it, and an answer of status 250 means that the server has taken it for all of `to`. */
struct http_mail {
	const char *from;
	const char *const *to;
	size_t to_count;
	const char *user, *password; /* or NULL */
	bool must_be_secret;	     /* smtp:// only behind STARTTLS */
};

struct http_request {
	const char *method;
	const char *url;
	const char *unix_socket;    /* path, or NULL for TCP */
	const char *const *headers; /* "Name: value", NULL-ended; or NULL */
	const char *body;	    /* or NULL */
	size_t length;
	const char *ca_bundle; /* one PEM file with those to trust; NULL or "": the machine's */
	const char *proxy;     /* its URL; NULL or "": what the environment says */
	const struct http_mail *mail; /* or NULL; headers are not sent then */
	int64_t timeout_ms;	      /* for the whole call */
	size_t cap_bytes;	      /* of the answer's body */
};

struct http_answer {
	int status;
	const char *body; /* ends with a NUL; borrowed */
	size_t length;
	int64_t retry_after_s; /* or 0 */
	void *transfer;	       /* for http_answer_header() */
};

/* The first header of that name, in any case, or NULL; borrowed until the call-back returns. */
const char *http_answer_header(const struct http_answer *answer, const char *name);

/* err is NULL when there is an answer of whatever status; class TEMP when asking again may help.
 * The call has ended when this is called. New requests may be sent from here; the client must not
 * be freed from here. */
typedef void (*http_answer_cb)(
	void *owner, const struct http_answer *answer, const struct err *err);

_must_check_ int http_client_new(struct loop *loop, struct http_client **ret, struct err *err);
void http_client_free(struct http_client *client);
/* The request is copied. *ret may be NULL when the caller never cancels. */
_must_check_ int http_client_send(struct http_client *client, const struct http_request *request,
	http_answer_cb cb, void *owner, struct http_call **ret, struct err *err);
void http_call_cancel(struct http_call *call); /* cb is not called */

/* For the command line: sends and waits on a loop of its own. *ret_body is owned by the caller and
 * ends at the first NUL. */
_must_check_ int http_client_call(
	const struct http_request *request, int *ret_status, char **ret_body, struct err *err);
/* The same for a file: an answer of status 200, its bytes written to `fd`. */
_must_check_ int http_client_download(const struct http_request *request, int fd, struct err *err);
