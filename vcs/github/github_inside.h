/* Private to the host: its memory, and requests on their way. */
#pragma once
#include "orchestrator/lib/arena.h"
#include "orchestrator/lib/list.h"
#include "orchestrator/lib/strvec.h"
#include "orchestrator/model/ids.h"
#include "vcs/github/github_client.h"
#include "vcs/github/github_event.h"
#include "vcs/github/github_host.h"

enum { GITHUB_THREADS_MAX = 1000, GITHUB_STATUSES_MAX = 4000, GITHUB_HASH = 65 };

/* One comment of ours, found by its marker. */
struct github_comment {
	struct list in_thread;
	char *marker;
	int64_t id;		/* 0: not there yet */
	char *node_id;		/* for folding; or NULL */
	char hash[GITHUB_HASH]; /* of the text that stands there, or "" */
	bool is_hidden, shall_hide;
	bool is_busy;	     /* a call about it is on its way */
	struct list waiting; /* struct github_order, the next one to be done first */
};

/* Our comments on one pull request. */
struct github_thread {
	struct list in_host; /* the most recently used last */
	struct github_host *host;
	char *repo;
	int64_t number;
	bool is_loaded, is_loading;
	int users; /* orders that hold it */
	struct list comments;
	struct list waiting; /* struct github_order, until it is loaded */
};

struct github_status { /* what was last said */
	struct list in_host;
	char *key; /* "repo head context" */
	enum status_state state;
	char hash[GITHUB_HASH];
	int64_t check_id; /* of a check run, or 0 */
};

/* One request of the engine. */
struct github_order {
	struct list in_list; /* of whatever it waits for */
	struct github_host *host;
	struct arena arena;
	struct host_request request; /* strings in the arena */
	host_done_cb done;
	void *owner;
	struct github_thread *thread;
	struct github_comment *comment;
	struct github_status *status;
	/* reads */
	int open_calls;
	bool failed;
	struct err err;
	int64_t retry_ms;
	struct vcs_event event; /* HOST_COMPLETE */
	struct vcs_event *events;
	size_t event_count;
	struct host_facts facts; /* HOST_FACTS */
	int page_count;
	size_t annotation_at; /* HOST_STATUS_SET: those before it are told */
	json_t *kept;	      /* what earlier answers said */
};

/* One person or team of a request. */
struct facts_part {
	struct github_order *order;
	size_t index; /* among the people, or among the teams */
};

/* What each kind of host does in calls of its own. */
struct github_verbs {
	/* Fills in what the facts say of the pull request; ends with facts_rules_ended(). */
	void (*ask_rules)(struct github_order *order);
	/* Ends with facts_on_team() of the list of members. */
	void (*ask_team)(struct facts_part *part, const char *owner, const char *name);
};

/* Where a branch stood when we last asked. */
struct github_tip {
	char *key; /* "repo branch" */
	char oid[OID_HEX + 1];
	int64_t at_ms; /* monotonic */
};

struct github_host {
	struct vcs_host port;
	const struct github_verbs *verbs;
	struct github_tip tip; /* one: it is used at once or not at all */
	struct github_client *client;
	const struct clock *clock;
	struct github_site site;
	char *name, *web_url, *login, *proxy, *ca_bundle;
	struct strvec secrets;
	struct github_secrets *fresh; /* read again, and not yet taken; or NULL */
	struct list threads, statuses;
	size_t thread_count, status_count;
	bool is_asking_login;
	struct list waiting; /* orders that need to know who we are */
	void (*known)(void *owner, const char *login);
	void (*tell)(void *owner, bool is_problem, const char *what, const struct err *err);
	void *owner;
};

/* github_host.c */
void order_done(struct github_order *order);
void order_failed(
	struct github_order *order, const struct github_result *result, const struct err *err);
enum github_priority order_priority(const struct github_order *order);
char *order_path(struct github_order *order, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* github_comments.c */
void comment_upsert(struct github_order *order);
void comment_hide(struct github_order *order);
void comment_react(struct github_order *order);
const char *order_json(struct github_order *order, const char *key, const char *value);
void comment_folded(void *owner, const struct github_result *result, const struct err *err);
/* Somebody will write there soon. */
void thread_expect(struct github_host *host, const char *repo, int64_t number);
void threads_release(struct github_host *host);

/* github_fold.c */
void comment_minimize(struct github_order *order, struct github_comment *comment, bool is_folded,
	github_answer_cb cb, void *owner);
void comment_wrap(struct github_order *order);

/* github_statuses.c */
void status_set(struct github_order *order);
void statuses_release(struct github_host *host);

/* github_reads.c */
void pulls_list(struct github_order *order);
void words_list(struct github_order *order);
void event_complete(struct github_order *order);
/* Of requests of several calls: the last one ends it, well or with the first error. */
void order_part_ended(
	struct github_order *order, const struct github_result *result, const struct err *err);
bool github_may_write(const json_t *answer);
_must_check_ int tip_read(const struct vcs_host *port, const char *repo, const char *base_ref,
	char ret[OID_HEX + 1], struct err *err);

/* github_facts.c */
void facts_read(struct github_order *order);
struct facts_part *facts_part_new(struct github_order *order, size_t index);
/* What a host does not want to say is not known, and the operator learns why; what it cannot say
 * now is asked again. */
void facts_part_ended(struct github_order *order, const struct github_result *result,
	const struct err *err, const char *what);
void facts_on_team(void *part, const struct github_result *members, const struct err *err);
void facts_take_labels(struct github_order *order, const json_t *labels);
void facts_rules_ended(
	struct github_order *order, const struct github_result *result, const struct err *err);

/* github_merge.c */
void pull_merge(struct github_order *order);
void branch_delete(struct github_order *order);
