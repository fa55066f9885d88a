/* What the engine wants from a host of pull requests. A host translates; it never decides.
 *
 * Calls are requests with a completion: `send` returns at once and `done` is called exactly once
 * for each request, in the same turn (the local host) or a later one (hosts behind HTTP).
 * Everything passed to `done` is borrowed. */
#pragma once
#include "orchestrator/lib/arena.h"
#include "orchestrator/lib/err.h"
#include "orchestrator/model/ids.h"
#include "orchestrator/model/settings.h"
#include "orchestrator/model/vcs_event.h"

struct http_headers; /* opaque here; read by the lookup below */

struct delivery { /* one webhook, as it came */
	const char *(*header)(
		const struct delivery *delivery, const char *name); /* NULL when absent */
	const void *owner;
	const char *topic; /* of a delivery that was stored: what topic() said when it came; else
			      NULL */
	const char *body;
	size_t length;
};

enum host_call {
	HOST_COMMENT_UPSERT =
		1,	   /* the comment that carries `marker`: create it or replace its text */
	HOST_COMMENT_HIDE, /* fold the comment that carries `marker`, as outdated; no such comment
			      is success */
	HOST_STATUS_SET,   /* commit status `context` on `head` */
	HOST_REACT,	   /* `body` = "eyes", on `comment_id` */
	HOST_LIST_OPEN,	   /* answer: all open pulls of `repo` as VCS_PULL_OPENED events */
	HOST_LIST_WORDS,   /* answer: comments and reviews of one pull since `since_ms`, all reviews
			      that say something; whatever may have been told before too */
	HOST_GIT_READY, /* git_access() will have a credential for `repo` when this is answered */
	HOST_COMPLETE,	/* answer: an event that says what a partial one of `actor` does not: may
			   the actor write; with `needs_pull` also the pull request as it is now;
			   with `needs_review` the opinion of the actor that stands there. After
			   it, reviews that were dismissed, of a host that does not tell that */
	HOST_FACTS, /* answer: what a gate must know of the pull request right now, and of `people`
		       and `teams`. Asked right before something is applied: never from memory
		       that is older than a few seconds. What is not known is left unknown.
		       Statuses `context`/... are ours, and left out */
	HOST_MERGE, /* the pull with exactly `head`, by `method` ("merge", "squash", "rebase";
		       "": as the repository does it). Merged already with that head is
		       success. ERR_STALE: another head stands there; ERR_REFUSED: the host
		       does not let it, and the text says why */
	HOST_BRANCH_DELETE, /* the source branch of a merged pull, if it still stands at `head`;
			       never that of a fork, the default branch or a protected one. What
			       must not go, or is gone, is left alone: success */
	HOST_PUSHER, /* answer: who brought `head` to `branch`, as the actor of a VCS_PULL_PUSHED;
			or nothing, when the host does not say so, or not yet */
	HOST_LABEL,  /* the pull has `label` when `is_wanted`, and has it not when not. A label that
			the repository does not know is made */
	HOST_ISSUE,  /* the issue of `repo` that carries `marker`: made, or brought to `title`,
			`body` and open when `is_wanted`; else to closed, where none is success.
			Empty texts stay as they are. Answer: its number. Not twice at a time for
			one marker */
};

/* A host's word. What it does not say is not known, and what is not known never opens a gate. */
enum host_word { WORD_UNKNOWN = 0, WORD_NO, WORD_YES };

struct host_person {
	const char *name; /* as it was asked for */
	enum host_word may_write;
};

struct host_member {
	const char *team, *person; /* as they were asked for */
	enum host_word is_member;
};

struct host_facts {
	enum host_word mergeable;  /* by the host's own rules, but for statuses of ours */
	const char *mergeable_why; /* when it is not, or not known; or "" */
	enum host_word approved;   /* by the host's own rules */
	bool has_labels;	   /* the list is whole */
	const char **labels;
	size_t label_count;
	struct host_person *people;
	size_t person_count;
	struct host_member *members; /* each of `people` in each of `teams` */
	size_t member_count;
};

enum status_state { STATUS_PENDING = 1, STATUS_SUCCESS, STATUS_FAILURE, STATUS_ERROR };

struct host_annotation { /* a word beside a line of a file */
	const char *path;
	int64_t line;
	const char *title, *text;
};

struct host_request {
	enum host_call call;
	const char *repo;
	int64_t number;
	const char *marker;
	const char *body;
	const char *comment_id;
	const char *head;
	const char *context;
	const char *description;
	enum status_state status;
	int64_t since_ms;
	const char *branch;   /* HOST_PUSHER */
	const char *base_ref; /* HOST_COMPLETE: the branch it goes into as we know it, or "" */
	const char *actor;
	const char *method;			   /* HOST_MERGE */
	const struct host_annotation *annotations; /* HOST_STATUS_SET, where the host shows them */
	size_t annotation_count;
	const char *label; /* HOST_LABEL */
	const char *title; /* HOST_ISSUE: one line */
	bool is_wanted;	   /* HOST_LABEL, HOST_ISSUE */
	bool needs_pull, needs_review;
	const char **people; /* HOST_FACTS: logins, and names of teams without any sign */
	size_t person_count;
	const char **teams;
	size_t team_count;
	bool is_passing; /* soon there will be a newer one: may wait when little may be sent */
};

struct host_answer {
	struct vcs_event *pulls; /* HOST_LIST_OPEN, HOST_COMPLETE, HOST_PUSHER */
	size_t pull_count;
	const struct host_facts *facts; /* HOST_FACTS */
	int64_t issue;			/* HOST_ISSUE; 0: there is none */
	int64_t retry_ms; /* of a failure: the host asks not to be asked again before */
};

/* With what git comes to a repository. It goes to one job's secrets and nowhere else. */
struct git_access {
	const char *user, *token; /* "" and "": none is needed */
	const char *proxy;	  /* or "" */
	const char *ca_bundle;	  /* or "" */
};

/* err is NULL on success; its class says whether asking again can help. The answer may be NULL when
 * err is not. */
typedef void (*host_done_cb)(void *owner, const struct host_answer *answer, const struct err *err);

struct vcs_host {
	const char *name;
	size_t comment_bytes_max;
	size_t description_bytes_max;
	bool has_folds;	    /* <details> is understood */
	bool knows_pushers; /* HOST_PUSHER can be asked */
	/* Where each call counts: the first word about a run waits this long for the last one, and
	 * each further edit twice as long as the one before. 0: edits cost nothing. */
	int64_t patience_ms;

	/* Pure: signature and form of one delivery. ERR_REFUSED: forged. ERR_SYNTAX: not an event.
	 */
	int (*verify)(
		const struct vcs_host *host, const struct delivery *delivery, struct err *err);
	int (*parse)(const struct vcs_host *host, const struct delivery *delivery,
		struct arena *arena, struct vcs_event *ret, struct err *err);
	/* The id that the host gave the delivery; "" when it gives none. Borrowed from the
	 * delivery. */
	const char *(*delivery_id)(const struct vcs_host *host, const struct delivery *delivery);
	/* What `parse` needs besides the body, to be kept with it; NULL: hosts that need nothing.
	 */
	const char *(*topic)(const struct vcs_host *host, const struct delivery *delivery);

	/* The tip of a branch now; fails where the host has not just heard of it. NULL: it never
	 * has. */
	int (*tip)(const struct vcs_host *host, const char *repo, const char *branch,
		char ret[OID_HEX + 1], struct err *err);

	/* Soon something will be written about this pull: what the host must know for that may be
	 * asked for now, while git is at work. NULL: nothing is. */
	void (*expect)(struct vcs_host *host, const char *repo, int64_t number);

	/* false: none is there now; ask HOST_GIT_READY first. Borrowed. NULL: git needs nothing. */
	bool (*git_access)(struct vcs_host *host, const char *repo, struct git_access *ret);

	void (*send)(struct vcs_host *host, const struct host_request *request, host_done_cb done,
		void *owner);

	/* The files of the settings once more, while it runs: tokens and secrets. Nothing changes
	 * before take(), which drops them when not all of the configuration is taken. NULL: there
	 * are none. */
	int (*reread)(struct vcs_host *host, const struct host_settings *settings, struct err *err);
	void (*take)(struct vcs_host *host, bool is_taken);
	/* What was asked and not answered is answered with an error. NULL: somebody else ends it.
	 */
	void (*free)(struct vcs_host *host);
};
