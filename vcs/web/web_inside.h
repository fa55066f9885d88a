/* Private to the host: its memory, and requests on their way. */
#pragma once
#include "orchestrator/lib/arena.h"
#include "orchestrator/lib/list.h"
#include "orchestrator/lib/strvec.h"
#include "orchestrator/model/ids.h"
#include "vcs/web/web_client.h"
#include "vcs/web/web_event.h"
#include "vcs/web/web_host.h"

enum { WEB_THREADS_MAX = 1000, WEB_STATUSES_MAX = 4000, WEB_HASH = 65 };

/* One comment of ours, found by its marker. */
struct web_comment {
	struct list in_thread;
	char *marker;
	int64_t id;	     /* 0: not there yet */
	char *node_id;	     /* for folding; or NULL */
	char hash[WEB_HASH]; /* of the text that stands there, or "" */
	bool is_hidden, shall_hide;
	bool is_busy;	     /* a call about it is on its way */
	struct list waiting; /* struct web_order, the next one to be done first */
};

/* Our comments on one pull request. */
struct web_thread {
	struct list in_host; /* the most recently used last */
	struct web_host *host;
	char *repo;
	int64_t number;
	bool is_loaded, is_loading;
	int users; /* orders that hold it */
	struct list comments;
	struct list waiting; /* struct web_order, until it is loaded */
};

struct web_status { /* what was last said */
	struct list in_host;
	char *key; /* "repo head context" */
	enum status_state state;
	char hash[WEB_HASH];
	int64_t check_id; /* of a check run, or 0 */
};

/* One request of the engine. */
struct web_order {
	struct list in_list; /* of whatever it waits for */
	struct web_host *host;
	struct arena arena;
	struct host_request request; /* strings in the arena */
	host_done_cb done;
	void *owner;
	struct web_thread *thread;
	struct web_comment *comment;
	struct web_status *status;
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
	int64_t issue;	      /* HOST_ISSUE: its number */
	size_t annotation_at; /* HOST_STATUS_SET: those before it are told */
	json_t *kept;	      /* what earlier answers said */
};

/* One person or team of a request. */
struct facts_part {
	struct web_order *order;
	size_t index; /* among the people, or among the teams */
};

/* What each kind of host does in calls of its own. */
struct web_verbs {
	/* Fills in what the facts say of the pull request; ends with facts_rules_ended(). */
	void (*ask_rules)(struct web_order *order);
	/* Ends with facts_on_team() of the list of members. */
	void (*ask_team)(struct facts_part *part, const char *owner, const char *name);
};

/* Where a branch stood when we last asked. */
struct web_tip {
	char *key; /* "repo branch" */
	char oid[OID_HEX + 1];
	int64_t at_ms; /* monotonic */
};

struct web_host {
	struct vcs_host port;
	const struct web_verbs *verbs;
	struct web_tip tip; /* one: it is used at once or not at all */
	struct web_client *client;
	const struct clock *clock;
	struct web_site site;
	char *name, *web_url, *login, *proxy, *ca_bundle;
	struct strvec secrets;
	struct web_secrets *fresh; /* read again, and not yet taken; or NULL */
	struct list threads, statuses;
	size_t thread_count, status_count;
	bool is_asking_login;
	struct list waiting; /* orders that need to know who we are */
	void (*known)(void *owner, const char *login);
	void (*tell)(void *owner, bool is_problem, const char *what, const struct err *err);
	void *owner;
};

/* web_host.c */
void order_done(struct web_order *order);
void order_failed(struct web_order *order, const struct web_result *result, const struct err *err);
enum web_priority order_priority(const struct web_order *order);
char *order_path(struct web_order *order, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* web_comments.c */
void comment_upsert(struct web_order *order);
void comment_hide(struct web_order *order);
void comment_react(struct web_order *order);
const char *order_json(struct web_order *order, const char *key, const char *value);
/* The marker becomes the first line of the order's text; what begins with it carries it. */
const char *order_mark(struct web_order *order);
_must_check_ int order_mark_body(struct web_order *order, struct err *err);
void comment_folded(void *owner, const struct web_result *result, const struct err *err);
/* Somebody will write there soon. */
void thread_expect(struct web_host *host, const char *repo, int64_t number);
void threads_release(struct web_host *host);

/* web_fold.c */
void comment_minimize(struct web_order *order, struct web_comment *comment, bool is_folded,
	web_answer_cb cb, void *owner);
void comment_wrap(struct web_order *order);

/* web_statuses.c */
void status_set(struct web_order *order);
void statuses_release(struct web_host *host);

/* web_reads.c */
void pulls_list(struct web_order *order);
void words_list(struct web_order *order);
void event_complete(struct web_order *order);
/* Of requests of several calls: the last one ends it, well or with the first error. */
void order_part_ended(
	struct web_order *order, const struct web_result *result, const struct err *err);
bool web_may_write(const json_t *answer);
_must_check_ int tip_read(const struct vcs_host *port, const char *repo, const char *base_ref,
	char ret[OID_HEX + 1], struct err *err);

/* web_facts.c */
void facts_read(struct web_order *order);
struct facts_part *facts_part_new(struct web_order *order, size_t index);
/* What a host does not want to say is not known, and the operator learns why; what it cannot say
 * now is asked again. */
void facts_part_ended(struct web_order *order, const struct web_result *result,
	const struct err *err, const char *what);
void facts_on_team(void *part, const struct web_result *members, const struct err *err);
void facts_take_labels(struct web_order *order, const json_t *labels);
void facts_rules_ended(
	struct web_order *order, const struct web_result *result, const struct err *err);

/* web_pushers.c */
void pusher_find(struct web_order *order);

/* web_labels.c */
void label_set(struct web_order *order);

/* web_issues.c */
void issue_set(struct web_order *order);

/* web_merge.c */
void pull_merge(struct web_order *order);
void branch_delete(struct web_order *order);
