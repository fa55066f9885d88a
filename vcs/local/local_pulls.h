/* The documents of the local host on its shelf. Owns: their keys and their form.
 *
 *     local/repo/NAME              {name, path, imported, created_ms}
 *     local/open/NAME              [numbers of the open pulls]
 *     local/pull/NUMBER            {number, repo, title, author, state, head, head_ref, base_ref,
 *                                   pusher, reviews: [{author, state, head, body, at_ms}],
 *                                   comment_count, created_ms, updated_ms, merge_commit,
 *                                   labels: [names]}
 *     local/comment/NUMBER/ID      {id, author, body, marker, hidden, reactions, created_ms,
 *                                   updated_ms}
 *     local/marker/NUMBER/MARKER   {id}: the comment that carries the marker
 *     local/status/NUMBER/HEAD/CONTEXT {head, context, state, description, updated_ms}
 *     local/pushed/REPO:BRANCH     {head, pusher}: the last push that the hook told
 *     local/issue/NUMBER           {number, repo, title, body, marker, state, author, created_ms,
 *                                   updated_ms}
 *     local/tracked/REPO:MARKER    {number}: the issue that carries the marker
 *     local/people                 {NAME: {may_write, is_bot}}
 *     local/teams                  {NAME: [people]}
 *
 * Documents that are loaded belong to the caller (json_decref). */
#pragma once
#include "orchestrator/lib/clock.h"
#include "orchestrator/lib/list.h"
#include "orchestrator/ports/shelf.h"
#include "orchestrator/ports/vcs_host.h"

enum {
	LOCAL_COMMENTS_MAX = 5000, /* of one pull */
	LOCAL_REVIEWS_MAX = 1000,  /* of one pull */
	LOCAL_OPEN_MAX = 2000,	   /* open pulls of one repository */
	LOCAL_PEOPLE_MAX = 2000,
};

struct local_host {
	struct vcs_host port;
	struct loop *loop;
	char *git_program;
	void (*wake)(void *owner);
	void *owner;
	struct list merges; /* struct local_merge, on their way */
	struct shelf *shelf;
	const struct clock *clock;
	char *data_dir;
	char *secret;
	char *program;
};

struct local_person {
	bool may_write;
	bool is_bot;
};

_must_check_ int local_repo_load(
	struct local_host *host, const char *name, json_t **ret, struct err *err);
_must_check_ int local_repo_store(struct local_host *host, const json_t *repo, struct err *err);
_must_check_ int local_pull_load(
	struct local_host *host, int64_t number, json_t **ret, struct err *err);
/* Writes updated_ms too. */
_must_check_ int local_pull_store(struct local_host *host, json_t *pull, struct err *err);
/* The numbers of a repository's open pulls, an array. */
_must_check_ int local_open_load(
	struct local_host *host, const char *repo, json_t **ret, struct err *err);
_must_check_ int local_open_set(
	struct local_host *host, const char *repo, int64_t number, bool is_open, struct err *err);

_must_check_ int local_pushed_store(struct local_host *host, const char *repo, const char *branch,
	const char *head, const char *pusher, struct err *err);
/* Who brought this head; VCS_SOMEBODY: it was pushed and not told. A branch of which the hook never
 * told is older than it: it is the opener's. *ret is the opener's name, or *ret_owner's. */
_must_check_ int local_pusher_find(struct local_host *host, const char *repo, const char *branch,
	const char *head, const char *opener, const char **ret, json_t **ret_owner,
	struct err *err);

/* A new comment: its id is in *ret. marker: NULL for a person's. */
_must_check_ int local_comment_add(struct local_host *host, json_t *pull, const char *author,
	const char *body, const char *marker, json_t **ret, struct err *err);
_must_check_ int local_comment_load(
	struct local_host *host, int64_t number, const char *id, json_t **ret, struct err *err);
_must_check_ int local_comment_store(
	struct local_host *host, int64_t number, const json_t *comment, struct err *err);
_must_check_ int local_marker_find(struct local_host *host, int64_t number, const char *marker,
	json_t **ret_comment, struct err *err); /* ERR_MISSING */
_must_check_ int local_status_store(
	struct local_host *host, const struct host_request *request, struct err *err);
_must_check_ int local_issue_load(
	struct local_host *host, int64_t number, json_t **ret, struct err *err);
/* Writes updated_ms too. */
_must_check_ int local_issue_store(struct local_host *host, json_t *issue, struct err *err);
_must_check_ int local_issue_find(struct local_host *host, const char *repo, const char *marker,
	json_t **ret, struct err *err); /* ERR_MISSING */
/* It gets a number and is stored. */
_must_check_ int local_issue_add(struct local_host *host, json_t *issue, struct err *err);
/* The pull with "comments" and "statuses" in it. */
_must_check_ int local_pull_whole(
	struct local_host *host, int64_t number, json_t **ret, struct err *err);

_must_check_ int local_people_load(struct local_host *host, json_t **ret, struct err *err);
_must_check_ int local_people_store(struct local_host *host, const json_t *people, struct err *err);
_must_check_ int local_person_find(
	struct local_host *host, const char *name, struct local_person *ret, struct err *err);

_must_check_ int local_teams_load(struct local_host *host, json_t **ret, struct err *err);
_must_check_ int local_teams_store(struct local_host *host, const json_t *teams, struct err *err);

/* Fills an event with what the pull's document says; strings are borrowed from it. */
void local_pull_describe(const json_t *pull, const char *clone_url, struct vcs_event *ret);
const char *local_text(const json_t *document, const char *key); /* "" when absent */
int64_t local_number(const json_t *document, const char *key);
