/* The embedded host: bare git repositories below <data>/local/ and pull requests kept on the shelf.
 * Owns: the documents "local/...". Must not: read git objects, decide anything.
 *
 * People come through local_handle(), which the HTTP door on the unix socket calls for every path
 * below /local/. An action writes the documents and delivers its event to the inbox in the same
 * transaction, so both exist or neither does.
 *
 *     POST /local/repos    {name} makes a bare repository; {name, import} adds one that exists
 *     GET  /local/repos
 *     POST /local/people   {name, may_write, is_bot}: people nobody spoke about may write
 *     GET  /local/people
 *     POST /local/pulls    {repo, title, head_ref, base_ref, as}
 *     GET  /local/pulls    ?repo= &state=open|closed|merged
 *     GET  /local/pulls/N  with comments, reviews and statuses
 *     POST /local/pulls/N/comments {as, body}
 *     POST /local/pulls/N/approve, request-changes {as, body?, head?}: head refuses if it moved
 *     POST /local/pulls/N/dismiss {as, reviewer?}: takes back as's or the reviewer's word
 *     POST /local/pulls/N/merge {as, commit?}: the merge was made; commit must be the base's tip
 *     POST /local/pulls/N/close, reopen {as}
 *     POST /local/pulls/N/labels {as, label, remove?}
 *     GET  /local/issues   ?repo= &state=open|closed: those that sluice keeps
 *     POST /local/push     {repo, pusher, refs: [{ref, old, new}]}, from the receive hook; it is
 * kept, for pull requests that are opened later: a branch that was there before the hook counts as
 * its opener's
 *
 * Answers are the document asked for or changed; failures {"error": text}. Pull numbers are one
 * sequence for the whole host. The events are described in local_event.h. */
#pragma once
#include "orchestrator/lib/clock.h"
#include "orchestrator/lib/strbuf.h"
#include "orchestrator/ports/shelf.h"
#include "orchestrator/ports/vcs_host.h"

struct local_host;

struct loop;

struct local_host_options {	 /* copied */
	struct loop *loop;	 /* borrowed; NULL: it cannot merge by itself */
	const char *git_program; /* absolute path of sluice-git; or NULL likewise */
	/* After a commit of what was put beside a turn; NULL: nobody asks. */
	void (*wake)(void *owner);
	void *owner;
	struct shelf *shelf; /* borrowed; outlives the host */
	const struct clock *clock;
	const char *data_dir; /* absolute */
	const char *secret;   /* of signed deliveries; at least 16 bytes */
	const char *program; /* for the receive hook: absolute path of sluice, or NULL: from PATH */
};

_must_check_ int local_host_new(
	const struct local_host_options *options, struct local_host **ret, struct err *err);
void local_host_free(struct local_host *host);
struct vcs_host *local_host_port(struct local_host *host); /* borrowed */

/* path may carry a query. 0: *answer and *ret_status (200, 201, 400, 404, 409, ...) are set. Below
 * zero the shelf failed and what was written in this call must be undone by the caller. */
_must_check_ int local_handle(struct local_host *host, const char *method, const char *path,
	const char *body, size_t length, struct strbuf *answer, int *ret_status, struct err *err);

/* What `sluice local-hook` posts to /local/push: made of the lines "old new ref" that git gives the
 * hook. */
_must_check_ int local_push_body(const char *repo, const char *pusher, const char *lines,
	size_t length, struct strbuf *ret, struct err *err);
