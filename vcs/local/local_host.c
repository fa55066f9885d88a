/* The local host as the engine sees it: reads deliveries, and does what the engine asks for at
 * once. */
#include "vcs/local/local_host.h"
#include "orchestrator/lib/jsonx.h"
#include "vcs/local/local_event.h"
#include "vcs/local/local_facts.h"
#include "vcs/local/local_issues.h"
#include "vcs/local/local_merge.h"
#include "vcs/local/local_names.h"
#include "vcs/local/local_pulls.h"
#include "vcs/local/local_repo.h"
#include <string.h>

enum { SECRET_BYTES_MIN = 16 };

static const char our_name[] = "sluice";

static struct local_host *host_of(struct vcs_host *port)
{
	return container_of(port, struct local_host, port);
}

/* ---- deliveries ---- */

static int host_verify(
	const struct vcs_host *port, const struct delivery *delivery, struct err *err)
{
	const struct local_host *host = container_of(port, struct local_host, port);

	return local_event_verify(host->secret, delivery->header(delivery, LOCAL_SIGNATURE_HEADER),
		delivery->body, delivery->length, err);
}

static int host_parse(_unused_ const struct vcs_host *port, const struct delivery *delivery,
	struct arena *arena, struct vcs_event *ret, struct err *err)
{
	return local_event_read(delivery->body, delivery->length, arena, ret, err);
}

static const char *host_delivery_id(
	_unused_ const struct vcs_host *port, const struct delivery *delivery)
{
	const char *id = delivery->header(delivery, LOCAL_DELIVERY_HEADER);

	return id != NULL && strlen(id) <= LOCAL_PERSON_MAX ? id : "";
}

static int host_tip(const struct vcs_host *port, const char *repo, const char *branch,
	char ret[OID_HEX + 1], struct err *err)
{
	struct local_host *host = host_of((struct vcs_host *)(uintptr_t)port);
	_cleanup_json_ json_t *document = NULL;
	int r = local_repo_load(host, repo, &document, err);

	return r < 0 ? r : local_repo_branch(local_text(document, "path"), branch, ret, err);
}

/* ---- what the engine asks for ---- */

static int pull_of(
	struct local_host *host, const struct host_request *request, json_t **ret, struct err *err)
{
	_cleanup_json_ json_t *pull = NULL;
	int r = local_pull_load(host, request->number, &pull, err);

	if (r == 0 && !str_equal(local_text(pull, "repo"), request->repo))
		r = err_set(err, ERR_MISSING, "there is no such pull request in this repository");
	if (r == 0)
		*ret = steal_ptr(pull);
	return r;
}

/* "<!-- MARKER -->" as the first line finds the comment again, for people who copy it too. */
static int marked_body(const struct host_request *request, struct strbuf *body, struct err *err)
{
	_cleanup_free_ char *first = NULL;

	if (str_empty(request->marker) || !local_key_is_valid(request->marker) ||
		request->body == NULL)
		return err_set(err, ERR_BUG, "a comment of ours needs a marker and a text");
	first = mem_printf("<!-- %s -->\n", request->marker);
	if (!str_starts(request->body, first))
		strbuf_puts(body, first);
	strbuf_puts(body, request->body);
	if (body->overflowed)
		return err_set(
			err, ERR_LIMIT, "the comment is longer than %d bytes", LOCAL_COMMENT_MAX);
	return 0;
}

static int comment_replace(
	struct local_host *host, int64_t number, json_t *comment, const char *body, struct err *err)
{
	json_t *text = json_string(body);

	if (text == NULL)
		return err_set(err, ERR_SYNTAX, "the comment is not UTF-8");
	json_object_set_new(comment, "body", text);
	json_object_set_new(comment, "hidden", json_false());
	json_object_set_new(comment, "updated_ms", json_integer(clock_wall_ms(host->clock)));
	return local_comment_store(host, number, comment, err);
}

static int comment_upsert(
	struct local_host *host, const struct host_request *request, struct err *err)
{
	_cleanup_strbuf_ struct strbuf body = STRBUF(LOCAL_COMMENT_MAX + LOCAL_CONTEXT_MAX + 16);
	_cleanup_json_ json_t *pull = NULL;
	_cleanup_json_ json_t *comment = NULL;
	int r = pull_of(host, request, &pull, err);

	if (r == 0)
		r = marked_body(request, &body, err);
	if (r < 0)
		return r;
	r = local_marker_find(host, request->number, request->marker, &comment, err);
	if (r == 0)
		return comment_replace(host, request->number, comment, strbuf_text(&body), err);
	if (r != -ERR_MISSING)
		return r;
	return local_comment_add(
		host, pull, our_name, strbuf_text(&body), request->marker, &comment, err);
}

static int comment_hide(
	struct local_host *host, const struct host_request *request, struct err *err)
{
	_cleanup_json_ json_t *comment = NULL;
	int r = 0;

	if (str_empty(request->marker) || !local_key_is_valid(request->marker))
		return err_set(err, ERR_BUG, "a comment is hidden by its marker");
	r = local_marker_find(host, request->number, request->marker, &comment, err);
	if (r == -ERR_MISSING)
		return 0;
	if (r < 0)
		return r;
	json_object_set_new(comment, "hidden", json_true());
	return local_comment_store(host, request->number, comment, err);
}

static int status_set(struct local_host *host, const struct host_request *request, struct err *err)
{
	_cleanup_json_ json_t *pull = NULL;
	int r = pull_of(host, request, &pull, err);

	if (r < 0)
		return r;
	if (str_empty(request->head) || !local_oid_is_valid(request->head) ||
		str_empty(request->context) || !local_key_is_valid(request->context))
		return err_set(err, ERR_BUG, "a status needs a commit and a context");
	if (request->description != NULL && strlen(request->description) > LOCAL_DESCRIPTION_MAX)
		return err_set(err, ERR_LIMIT,
			"the description of a status is longer than %d bytes",
			LOCAL_DESCRIPTION_MAX);
	return local_status_store(host, request, err);
}

static int react(struct local_host *host, const struct host_request *request, struct err *err)
{
	_cleanup_json_ json_t *comment = NULL;
	const json_t *present;
	json_t *reactions;
	size_t i;
	int r;

	if (str_empty(request->comment_id) || str_empty(request->body) ||
		!local_key_is_valid(request->body))
		return err_set(err, ERR_BUG, "a reaction needs a comment and a word");
	r = local_comment_load(host, request->number, request->comment_id, &comment, err);
	if (r < 0)
		return r;
	reactions = json_object_get(comment, "reactions");
	json_array_foreach (reactions, i, present) {
		if (str_equal(json_string_value(present), request->body))
			return 0;
	}
	json_array_append_new(reactions, json_string(request->body));
	return local_comment_store(host, request->number, comment, err);
}

/* ---- open pulls, with the heads that their branches have now ---- */

struct open_list {
	struct arena arena;
	int64_t issue; /* of HOST_ISSUE */
	struct vcs_event *events;
	size_t count;
	struct host_facts facts; /* of HOST_FACTS */
	bool has_facts;
};

static int open_add(struct local_host *host, const json_t *repo, int64_t number,
	struct open_list *list, struct err *err)
{
	_cleanup_json_ json_t *pull = NULL;
	const char *path = local_text(repo, "path");
	struct vcs_event event = { .kind = VCS_PULL_OPENED };
	struct local_person person;
	char head[OID_HEX + 1];
	int r = local_pull_load(host, number, &pull, err);

	if (r < 0)
		return r;
	r = local_repo_branch(path, local_text(pull, "head_ref"), head, err);
	/* A branch that is gone or unreadable leaves the pull as it was. */
	if (r == 0 && !str_equal(head, local_text(pull, "head"))) {
		json_object_set_new(pull, "head", json_string(head));
		json_object_set_new(pull, "pusher", json_string(VCS_SOMEBODY));
		r = local_pull_store(host, pull, err);
		if (r < 0)
			return r;
	}
	r = local_person_find(host, local_text(pull, "pusher"), &person, err);
	if (r < 0)
		return r;
	local_pull_describe(pull, path, &event);
	event.repo = arena_strdup(&list->arena, event.repo);
	event.clone_url = arena_strdup(&list->arena, event.clone_url);
	event.author = arena_strdup(&list->arena, event.author);
	event.title = arena_strdup(&list->arena, event.title);
	event.head = arena_strdup(&list->arena, event.head);
	event.head_ref = arena_strdup(&list->arena, event.head_ref);
	event.base_ref = arena_strdup(&list->arena, event.base_ref);
	event.pusher = arena_strdup(&list->arena, event.pusher);
	event.actor = arena_strdup(&list->arena, local_text(pull, "pusher"));
	event.actor_is_bot = person.is_bot;
	event.actor_may_write = person.may_write;
	list->events = arena_push(&list->arena, list->events, list->count, sizeof(list->events[0]));
	list->events[list->count++] = event;
	return 0;
}

static int list_open(struct local_host *host, const struct host_request *request,
	struct open_list *list, struct err *err)
{
	_cleanup_json_ json_t *repo = NULL;
	_cleanup_json_ json_t *open = NULL;
	int r;

	if (str_empty(request->repo) || !local_repo_is_valid(request->repo))
		return err_set(err, ERR_MISSING, "there is no such repository");
	r = local_repo_load(host, request->repo, &repo, err);
	if (r == 0)
		r = local_open_load(host, request->repo, &open, err);
	for (size_t i = 0; r == 0 && i < json_array_size(open); i++)
		r = open_add(host, repo, json_integer_value(json_array_get(open, i)), list, err);
	return r;
}

static int act(struct local_host *host, const struct host_request *request, struct open_list *list,
	struct err *err)
{
	switch (request->call) {
	case HOST_COMMENT_UPSERT:
		return comment_upsert(host, request, err);
	case HOST_COMMENT_HIDE:
		return comment_hide(host, request, err);
	case HOST_STATUS_SET:
		return status_set(host, request, err);
	case HOST_REACT:
		return react(host, request, err);
	case HOST_LIST_OPEN:
		return list_open(host, request, list, err);
	case HOST_FACTS:
		list->has_facts = true;
		return local_facts_read(host, request, &list->arena, &list->facts, err);
	case HOST_LABEL:
		return local_label_set(host, request, err);
	case HOST_ISSUE:
		return local_issue_set(host, request, &list->issue, err);
	case HOST_LIST_WORDS: /* they come with the transaction that makes them */
		break;
	case HOST_GIT_READY:
	case HOST_MERGE:
	case HOST_BRANCH_DELETE: /* answered later */
	case HOST_PUSHER:	 /* so does who pushed */
	case HOST_COMPLETE:	 /* what we deliver is never partial */
		break;
	}
	return err_set(err, ERR_BUG, "the local host has nothing to add");
}

/* An action is several documents; half of it would be found by nobody and be done again. */
static int act_whole(struct local_host *host, const struct host_request *request,
	struct open_list *list, struct err *err)
{
	struct err ignored;
	int r = host->shelf->begin(host->shelf->owner, err);

	if (r < 0)
		return r;
	r = act(host, request, list, err);
	if (r == 0)
		return host->shelf->end(host->shelf->owner, true, err);
	(void)!host->shelf->end(host->shelf->owner, false, &ignored);
	return r;
}

static void host_send(
	struct vcs_host *port, const struct host_request *request, host_done_cb done, void *owner)
{
	struct open_list list = { .count = 0 };
	struct host_answer answer = { .pull_count = 0 };
	struct err err;
	int r;

	if (request->call == HOST_MERGE || request->call == HOST_BRANCH_DELETE) {
		local_merge_send(host_of(port), request, done, owner);
		return;
	}
	r = act_whole(host_of(port), request, &list, &err);

	answer.pulls = list.events;
	answer.pull_count = list.count;
	answer.issue = list.issue;
	answer.facts = list.has_facts ? &list.facts : NULL;
	done(owner, r < 0 ? NULL : &answer, r < 0 ? &err : NULL);
	arena_release(&list.arena);
}

/* ---- life ---- */

int local_host_new(
	const struct local_host_options *options, struct local_host **ret, struct err *err)
{
	struct local_host *host;

	if (str_empty(options->secret) || strlen(options->secret) < SECRET_BYTES_MIN)
		return err_class_set(err, ERR_CONFIG, ERR_CLASS_CONFIG,
			"the secret of the local host is shorter than %d bytes", SECRET_BYTES_MIN);
	host = mem_alloc(sizeof(*host));
	host->port = (struct vcs_host){
		.name = "local",
		.comment_bytes_max = LOCAL_COMMENT_MAX,
		.description_bytes_max = LOCAL_DESCRIPTION_MAX,
		.has_folds = true,
		.verify = host_verify,
		.parse = host_parse,
		.delivery_id = host_delivery_id,
		.tip = host_tip,
		.send = host_send,
	};
	host->shelf = options->shelf;
	host->clock = options->clock;
	host->data_dir = mem_strdup(options->data_dir);
	host->secret = mem_strdup(options->secret);
	host->loop = options->loop;
	host->git_program = options->git_program != NULL ? mem_strdup(options->git_program) : NULL;
	host->wake = options->wake;
	host->owner = options->owner;
	list_init(&host->merges);
	host->program = options->program != NULL ? mem_strdup(options->program) : NULL;
	*ret = host;
	return 0;
}

void local_host_free(struct local_host *host)
{
	if (host == NULL)
		return;
	local_merges_end(host);
	free(host->git_program);
	explicit_bzero(host->secret, strlen(host->secret));
	free(host->secret);
	free(host->data_dir);
	free(host->program);
	free(host);
}

struct vcs_host *local_host_port(struct local_host *host)
{
	return &host->port;
}
