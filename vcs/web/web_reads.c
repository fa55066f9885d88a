/* What the engine asks of the host: open pull requests, and what a delivery left out. Calls of one
 * request go out together. */
#include "orchestrator/lib/codec.h"
#include "vcs/web/web_inside.h"
#include "vcs/web/web_names.h"
#include "vcs/web/web_token.h"
#include <inttypes.h>
#include <string.h>

enum { TIP_FRESH_MS = 2000 };

#define REF_PLAIN "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-/"

/* ---- open pull requests ---- */

static int pull_learn(struct web_order *order, const json_t *json, struct err *err)
{
	struct vcs_event event = { .kind = VCS_PULL_OPENED,
		.repo = order->request.repo,
		.actor = VCS_SOMEBODY,
		.comment_id = "",
		.body = "",
		.review_head = "" };
	int r = web_pull_read(&order->host->site, json, &order->arena, &event, err);

	if (r < 0)
		return r;
	event.clone_url = arena_printf(
		&order->arena, "%s/%s.git", order->host->site.web_url, order->request.repo);
	order->events = arena_push(
		&order->arena, order->events, order->event_count, sizeof(*order->events));
	order->events[order->event_count++] = event;
	return 0;
}

static void on_pulls(void *owner, const struct web_result *result, const struct err *err)
{
	struct web_order *order = owner;
	const json_t *json;
	struct err odd;
	size_t i;

	if (err != NULL) {
		order_failed(order, result, err);
		return;
	}
	json_array_foreach ((json_t *)(uintptr_t)result->json, i, json) {
		if (pull_learn(order, json, &odd) < 0 && order->host->tell != NULL)
			order->host->tell(order->host->owner, true,
				"a pull request in a host's list cannot be read", &odd);
	}
	order_done(order);
}

void pulls_list(struct web_order *order)
{
	web_client_ask(order->host->client,
		&(struct web_ask){ .method = "GET",
			.path = order_path(order, "/repos/%s/pulls?state=open&%s",
				order->request.repo, order->host->site.dialect->page_size),
			.repo = order->request.repo,
			.priority = WEB_NORMAL,
			.all_pages = true },
		on_pulls, order);
}

/* ---- requests of several calls ---- */

/* What was asked for comes first, then what nobody is told. */
static void answer_complete(struct web_order *order)
{
	const struct vcs_event *words = order->events;
	struct vcs_event *all = arena_alloc(&order->arena, (order->event_count + 1) * sizeof(*all));
	size_t count = 0;

	all[count++] = order->event;
	for (size_t i = 0; i < order->event_count; i++) {
		if (words[i].kind == VCS_REVIEW_DISMISSED)
			all[count++] = words[i];
	}
	order->events = all;
	order->event_count = count;
}

void order_part_ended(
	struct web_order *order, const struct web_result *result, const struct err *err)
{
	if (err != NULL && !order->failed) {
		order->failed = true;
		order->err = *err;
		order->retry_ms = result->retry_ms;
	}
	if (--order->open_calls > 0)
		return;
	if (order->failed) {
		order_failed(
			order, &(struct web_result){ .retry_ms = order->retry_ms }, &order->err);
		return;
	}
	if (order->request.call == HOST_COMPLETE)
		answer_complete(order);
	order_done(order);
}

/* ---- comments and reviews ---- */

static struct vcs_event *word_new(struct web_order *order, const json_t *json)
{
	const char *login = web_text(json, "user.login");
	struct vcs_event *event;

	if (!order->host->site.dialect->login_is_valid(login) || str_ends(login, "[bot]") ||
		str_equal(web_text(json, "user.type"), "Bot") ||
		(order->host->login != NULL && strcasecmp(login, order->host->login) == 0) ||
		web_number(json, "id") <= 0)
		return NULL;
	order->events = arena_push(
		&order->arena, order->events, order->event_count, sizeof(*order->events));
	event = &order->events[order->event_count++];
	*event = (struct vcs_event){ .host = order->host->site.host,
		.repo = order->request.repo,
		.clone_url = arena_printf(
			&order->arena, "%s/%s.git", order->host->site.web_url, order->request.repo),
		.number = order->request.number,
		.actor = arena_strdup(&order->arena, login),
		.comment_id = arena_printf(&order->arena, "%" PRId64, web_number(json, "id")),
		.body = "",
		.review_head = "",
		.is_partial = true };
	return event;
}

static void comment_word(struct web_order *order, const json_t *json)
{
	struct vcs_event *event = word_new(order, json);

	if (event == NULL)
		return;
	event->kind = VCS_COMMENT;
	event->body = arena_strdup(&order->arena, web_text(json, "body"));
	event->at_ms = web_time(web_text(json, "created_at")) * 1000;
}

static bool has_word_of(const struct web_order *order, size_t first, const char *login)
{
	for (size_t i = first; i < order->event_count; i++) {
		if (strcasecmp(order->events[i].actor, login) == 0)
			return true;
	}
	return false;
}

static void review_word(struct web_order *order, enum vcs_event_kind kind, const json_t *json)
{
	const char *commit = web_text(json, "commit_id");
	struct vcs_event *event = word_new(order, json);

	if (event == NULL)
		return;
	event->kind = kind;
	event->is_partial = kind != VCS_REVIEW_DISMISSED;
	if (codec_is_hex(commit, OID_HEX))
		event->review_head = arena_strdup(&order->arena, commit);
	event->at_ms = web_time(web_text(json, "submitted_at")) * 1000;
}

/* Of each person the last one that says something: it is the one that holds. */
static void reviews_learn(struct web_order *order, const json_t *list)
{
	size_t first = order->event_count;

	for (size_t i = json_array_size(list); i > 0; i--) {
		const json_t *json = json_array_get(list, i - 1);
		enum vcs_event_kind kind = order->host->site.dialect->review_kind(json);

		if (kind != VCS_IGNORED && !has_word_of(order, first, web_text(json, "user.login")))
			review_word(order, kind, json);
	}
}

static void on_comment_words(void *owner, const struct web_result *result, const struct err *err)
{
	struct web_order *order = owner;
	const json_t *json;
	size_t i;

	if (err == NULL) {
		json_array_foreach ((json_t *)(uintptr_t)result->json, i, json)
			comment_word(order, json);
	}
	order_part_ended(order, result, err);
}

static void on_reviews(void *owner, const struct web_result *result, const struct err *err)
{
	struct web_order *order = owner;

	if (err == NULL)
		reviews_learn(order, result->json);
	for (size_t i = 0; order->request.needs_review && i < order->event_count; i++) {
		const struct vcs_event *word = &order->events[i];

		if (strcasecmp(word->actor, order->request.actor) != 0)
			continue;
		order->event.kind = word->kind;
		order->event.comment_id = word->comment_id;
		order->event.review_head = word->review_head;
	}
	order_part_ended(order, result, err);
}

static void ask_reviews(struct web_order *order, enum web_priority priority)
{
	order->open_calls++;
	web_client_ask(order->host->client,
		&(struct web_ask){ .method = "GET",
			.path = order_path(order, "/repos/%s/pulls/%" PRId64 "/reviews?%s",
				order->request.repo, order->request.number,
				order->host->site.dialect->page_size),
			.repo = order->request.repo,
			.priority = priority,
			.all_pages = true },
		on_reviews, order);
}

void words_list(struct web_order *order)
{
	const struct host_request *request = &order->request;
	const char *list = order->host->site.dialect->comment_list;
	char since[CLOCK_TEXT_MAX];

	order->open_calls = 1;
	clock_text(request->since_ms > 0 ? request->since_ms : 0, since);
	ask_reviews(order, WEB_NORMAL);
	web_client_ask(order->host->client,
		&(struct web_ask){ .method = "GET",
			.path = order_path(order,
				"/repos/%s/issues/%" PRId64 "/comments%s%csince=%s", request->repo,
				request->number, list, list[0] == '\0' ? '?' : '&', since),
			.repo = request->repo,
			.priority = WEB_NORMAL,
			.all_pages = true },
		on_comment_words, order);
}

/* ---- what a delivery left out ---- */

/* "maintain" is told as "write", and "triage" as "read"; "owner" is a word of Gitea. */
bool web_may_write(const json_t *answer)
{
	const char *permission = web_text(answer, "permission");

	return str_equal(permission, "admin") || str_equal(permission, "write") ||
	       str_equal(permission, "owner");
}

static void on_permission(void *owner, const struct web_result *result, const struct err *err)
{
	struct web_order *order = owner;

	order->event.actor_may_write = err == NULL && web_may_write(result->json);
	/* 404: nobody whom the repository knows */
	order_part_ended(order, result, result->status == 404 ? NULL : err);
}

static void tip_learn(struct web_host *host, const char *repo, const char *branch, const char *oid)
{
	struct web_tip *tip = &host->tip;

	if (!codec_is_hex(oid, OID_HEX))
		return;
	free(tip->key);
	tip->key = mem_printf("%s %s", repo, branch);
	memcpy(tip->oid, oid, sizeof(tip->oid));
	tip->at_ms = clock_monotonic_ms(host->clock);
}

static void on_pull(void *owner, const struct web_result *result, const struct err *err)
{
	struct web_order *order = owner;
	struct err odd;

	if (err == NULL && web_pull_read(&order->host->site, result->json, &order->arena,
				   &order->event, &odd) < 0)
		err = &odd;
	order->event.is_closed = !str_equal(web_text(result->json, "state"), "open");
	order->event.is_merged = json_is_true(web_at(result->json, "merged"));
	if (err == NULL && order->host->site.dialect->pull_has_tip)
		tip_learn(order->host, order->request.repo, order->event.base_ref,
			web_text(result->json, "base.sha"));
	order_part_ended(order, result, err);
}

static void on_tip(void *owner, const struct web_result *result, const struct err *err)
{
	struct web_order *order = owner;

	if (err == NULL)
		tip_learn(order->host, order->request.repo, order->request.base_ref,
			web_text(result->json, "object.sha"));
	order_part_ended(order, result, NULL); /* git finds out what we do not */
}

/* As good as what git would fetch at the same moment, and no longer than that. */
int tip_read(const struct vcs_host *port, const char *repo, const char *base_ref,
	char ret[OID_HEX + 1], struct err *err)
{
	const struct web_host *host = container_of(port, struct web_host, port);
	_cleanup_free_ char *key = mem_printf("%s %s", repo, base_ref);

	if (!str_equal(host->tip.key, key) ||
		clock_monotonic_ms(host->clock) - host->tip.at_ms > TIP_FRESH_MS)
		return err_set(err, ERR_MISSING, "nobody asked where the branch stands");
	memcpy(ret, host->tip.oid, OID_HEX + 1);
	return 0;
}

static void ask_tip(struct web_order *order)
{
	const char *ref = order->request.base_ref;

	if (str_empty(ref) || !web_ref_is_valid(ref) || strspn(ref, REF_PLAIN) != strlen(ref))
		return;
	order->open_calls++;
	web_client_ask(order->host->client,
		&(struct web_ask){ .method = "GET",
			.path = order_path(
				order, "/repos/%s/git/ref/heads/%s", order->request.repo, ref),
			.repo = order->request.repo },
		on_tip, order);
}

void event_complete(struct web_order *order)
{
	struct host_request *request = &order->request;
	struct web_ask ask = { .method = "GET", .repo = request->repo };
	const struct web_dialect *dialect = order->host->site.dialect;

	order->event = (struct vcs_event){ .kind = request->needs_review ? VCS_IGNORED
									 : VCS_PULL_OPENED,
		.ignored_why = "no such review stands there",
		.comment_id = "",
		.review_head = "",
		.repo = request->repo,
		.author = "",
		.title = "",
		.head = "",
		.head_ref = "",
		.base_ref = "" };
	order->open_calls = 1;
	if (request->needs_review || (request->needs_pull && dialect->hides_reviews))
		ask_reviews(order, WEB_HIGH);
	if (request->needs_pull) {
		order->open_calls++;
		ask.may_lag = true;
		ask.path = order_path(
			order, "/repos/%s/pulls/%" PRId64, request->repo, request->number);
		web_client_ask(order->host->client, &ask, on_pull, order);
		if (!str_empty(request->actor)) /* who will get an answer */
			thread_expect(order->host, request->repo, request->number);
		if (!dialect->pull_has_tip)
			ask_tip(order);
	}
	if (!dialect->login_is_valid(request->actor) || str_ends(request->actor, "[bot]")) {
		order_part_ended(order, &(struct web_result){ 0 }, NULL);
		return;
	}
	ask.may_lag = false;
	ask.path = order_path(
		order, "/repos/%s/collaborators/%s/permission", request->repo, request->actor);
	web_client_ask(order->host->client, &ask, on_permission, order);
}
