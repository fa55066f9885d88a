/* The inside of local_handle(): one call of a person, and the actions it can ask for. */
#pragma once
#include "vcs/local/local_pulls.h"

struct local_call {
	struct local_host *host;
	const char *query; /* behind the question mark, or "" */
	int64_t number;	   /* of the pull in the path, or 0 */
	json_t *body;	   /* an object, or NULL for GET */
	json_t *answer;	   /* set by the action; owned by the call */
	int status;	   /* 200 unless the action says otherwise */
	struct err *err;
};

/* Each checks everything before it writes anything. */
int local_repos_get(struct local_call *call);
int local_repos_post(struct local_call *call);
int local_people_get(struct local_call *call);
int local_people_post(struct local_call *call);
int local_teams_get(struct local_call *call);
int local_teams_post(struct local_call *call);
int local_pulls_get(struct local_call *call);
int local_pulls_post(struct local_call *call);
int local_pull_get(struct local_call *call);
int local_comment_post(struct local_call *call);
int local_approve_post(struct local_call *call);
int local_request_changes_post(struct local_call *call);
int local_dismiss_post(struct local_call *call);
int local_merge_post(struct local_call *call);
int local_close_post(struct local_call *call);
int local_reopen_post(struct local_call *call);
int local_labels_post(struct local_call *call);
int local_issues_get(struct local_call *call);
int local_push_post(struct local_call *call);

/* The value of one member of the query, decoded; NULL when absent. Owned by the caller. */
char *local_query(const struct local_call *call, const char *name);
/* The person who speaks. */
_must_check_ int local_speaker(struct local_call *call, const char *key, const char **ret,
	struct local_person *ret_person);
/* Puts an event about the pull into the inbox. */
struct local_review;
_must_check_ int local_deliver(struct local_host *host, enum vcs_event_kind kind,
	const json_t *pull, const char *actor, struct local_person person, const json_t *comment,
	const struct local_review *review, struct err *err);
