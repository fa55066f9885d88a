/* Our comments: one for each marker, made or edited, folded, reacted to. What stands there is read
 * once; after an answer that was lost it is read again before anything is written. */
#include "orchestrator/lib/codec.h"
#include "orchestrator/lib/jsonx.h"
#include "orchestrator/lib/strbuf.h"
#include "vcs/web/web_inside.h"
#include "vcs/web/web_names.h"
#include <inttypes.h>
#include <string.h>

enum { MARKER_MAX = 200, BODY_BYTES_MAX = 4 * WEB_COMMENT_CHARACTERS };

static const char mark_begin[] = "<!-- ";
static const char mark_end[] = " -->\n";

/* ---- what is known of a pull request ---- */

static void comment_free(struct web_comment *comment)
{
	list_remove(&comment->in_thread);
	free(comment->marker);
	free(comment->node_id);
	free(comment);
}

static void thread_forget(struct web_thread *thread)
{
	list_for_each (item, &thread->comments) {
		comment_free(container_of(item, struct web_comment, in_thread));
	}
	thread->is_loaded = false;
}

static void thread_free(struct web_thread *thread)
{
	thread_forget(thread);
	list_remove(&thread->in_host);
	thread->host->thread_count--;
	free(thread->repo);
	free(thread);
}

void threads_release(struct web_host *host)
{
	list_for_each (item, &host->threads) {
		thread_free(container_of(item, struct web_thread, in_host));
	}
}

static void drop_unused(struct web_host *host)
{
	list_for_each (item, &host->threads) {
		struct web_thread *thread = container_of(item, struct web_thread, in_host);

		if (host->thread_count < WEB_THREADS_MAX)
			return;
		if (thread->users == 0 && !thread->is_loading)
			thread_free(thread);
	}
}

static struct web_thread *thread_of(struct web_host *host, const char *repo, int64_t number)
{
	struct web_thread *thread;

	list_for_each (item, &host->threads) {
		thread = container_of(item, struct web_thread, in_host);
		if (thread->number != number || strcmp(thread->repo, repo) != 0)
			continue;
		list_remove(item);
		list_append(&host->threads, item);
		return thread;
	}
	drop_unused(host);
	thread = mem_alloc(sizeof(*thread));
	thread->host = host;
	thread->repo = mem_strdup(repo);
	thread->number = number;
	list_init(&thread->comments);
	list_init(&thread->waiting);
	list_append(&host->threads, &thread->in_host);
	host->thread_count++;
	return thread;
}

static struct web_comment *comment_of(struct web_thread *thread, const char *marker)
{
	struct web_comment *comment;

	list_for_each (item, &thread->comments) {
		comment = container_of(item, struct web_comment, in_thread);
		if (strcmp(comment->marker, marker) == 0)
			return comment;
	}
	comment = mem_alloc(sizeof(*comment));
	comment->marker = mem_strdup(marker);
	list_init(&comment->waiting);
	list_append(&thread->comments, &comment->in_thread);
	return comment;
}

/* Only what we wrote ourselves is ours, whoever copies the marker. Of two with the same marker the
 * older one is kept up. */
static void comment_learn(struct web_thread *thread, const json_t *json)
{
	const char *body = web_text(json, "body");
	const char *end = strstr(body, mark_end);
	_cleanup_free_ char *marker = NULL;
	struct web_comment *comment;

	if (strcasecmp(web_text(json, "user.login"), thread->host->login) != 0 ||
		!str_starts(body, mark_begin))
		return;
	if (end == NULL || (size_t)(end - body) > MARKER_MAX) {
		end = strstr(body, " -->\r\n");
		if (end == NULL || (size_t)(end - body) > MARKER_MAX)
			return;
	}
	marker = mem_strndup(body + strlen(mark_begin), (size_t)(end - body) - strlen(mark_begin));
	comment = comment_of(thread, marker);
	if (comment->id != 0)
		return;
	comment->id = web_number(json, "id");
	comment->node_id = mem_strdup(web_text(json, "node_id"));
	codec_sha256_hex(body, strlen(body), comment->hash);
}

/* ---- loading ---- */

static void thread_go(
	struct web_thread *thread, const struct web_result *result, const struct err *err)
{
	struct list waiting;
	struct list *item;

	list_init(&waiting);
	while ((item = list_pop(&thread->waiting)) != NULL)
		list_append(&waiting, item);
	while ((item = list_pop(&waiting)) != NULL) {
		struct web_order *order = container_of(item, struct web_order, in_list);

		if (err != NULL)
			order_failed(order, result, err);
		else if (order->request.call == HOST_COMMENT_HIDE)
			comment_hide(order);
		else
			comment_upsert(order);
	}
}

static void on_thread(void *owner, const struct web_result *result, const struct err *err)
{
	struct web_thread *thread = owner;
	const json_t *json;
	size_t i;

	thread->is_loading = false;
	thread->is_loaded = err == NULL;
	if (err == NULL) {
		json_array_foreach ((json_t *)(uintptr_t)result->json, i, json)
			comment_learn(thread, json);
	}
	thread_go(thread, result, err);
}

static void thread_load(struct web_thread *thread)
{
	_cleanup_free_ char *path = mem_printf("/repos/%s/issues/%" PRId64 "/comments%s",
		thread->repo, thread->number, thread->host->site.dialect->comment_list);

	thread->is_loading = true;
	web_client_ask(thread->host->client,
		&(struct web_ask){ .method = "GET",
			.path = path,
			.repo = thread->repo,
			.all_pages = true,
			.may_lag = true },
		on_thread, thread);
}

void thread_expect(struct web_host *host, const char *repo, int64_t number)
{
	struct web_thread *thread;

	if (host->login == NULL)
		return;
	thread = thread_of(host, repo, number);
	if (!thread->is_loaded && !thread->is_loading)
		thread_load(thread);
}

/* false: the order waits, and is begun again when the comments are known. */
static bool thread_ready(struct web_order *order)
{
	if (order->thread == NULL) {
		order->thread = thread_of(order->host, order->request.repo, order->request.number);
		order->thread->users++;
	}
	if (order->thread->is_loaded)
		return true;
	list_append(&order->thread->waiting, &order->in_list);
	if (!order->thread->is_loading)
		thread_load(order->thread);
	return false;
}

/* ---- writing ---- */

static void comment_next(struct web_thread *thread, struct web_comment *comment);

const char *order_json(struct web_order *order, const char *key, const char *value)
{
	_cleanup_json_ json_t *json = json_pack("{s:s}", key, value);
	_cleanup_free_ char *text = jsonx_text(json == NULL ? json_null() : json);

	return arena_strdup(&order->arena, text);
}

/* An answer that was lost: nobody knows what stands there. */
static bool is_uncertain(const struct web_result *result, const struct err *err)
{
	return err->class == ERR_CLASS_TEMP && result->retry_ms == 0;
}

static void write_failed(
	struct web_order *order, const struct web_result *result, const struct err *err)
{
	struct web_thread *thread = order->thread;
	struct web_comment *comment = order->comment;

	comment->is_busy = false;
	comment->hash[0] = '\0';
	if (is_uncertain(result, err))
		thread->is_loaded = false;
	order_failed(order, result, err);
	comment_next(thread, comment);
}

/* Nobody waits for it, and the comment may be forgotten by then. */
static void on_unfolded(_unused_ void *owner, _unused_ const struct web_result *result,
	_unused_ const struct err *err)
{
}

static void on_written(void *owner, const struct web_result *result, const struct err *err)
{
	struct web_order *order = owner;
	struct web_comment *comment = order->comment;
	struct web_thread *thread = order->thread;

	if (err != NULL && result->status == 404 && comment->id != 0) {
		comment->id = 0; /* somebody deleted it: people must see the result all the same */
		comment->is_busy = false;
		comment->hash[0] = '\0';
		list_append(&comment->waiting, &order->in_list);
		comment_next(thread, comment);
		return;
	}
	if (err != NULL) {
		write_failed(order, result, err);
		return;
	}
	comment->is_busy = false;
	if (web_number(result->json, "id") > 0 && comment->id == 0) {
		comment->id = web_number(result->json, "id");
		free(comment->node_id);
		comment->node_id = mem_strdup(web_text(result->json, "node_id"));
	}
	if (comment->is_hidden && !comment->shall_hide) {
		comment->is_hidden = false;
		if (order->host->site.dialect->minimizes)
			comment_minimize(order, comment, false, on_unfolded, NULL);
	}
	order_done(order);
	comment_next(thread, comment);
}

static void comment_write(struct web_order *order)
{
	struct web_comment *comment = order->comment;
	const char *repo = order->request.repo, *body = order->request.body;
	char hash[WEB_HASH];
	bool is_new = comment->id == 0;
	const char *path;

	codec_sha256_hex(body, strlen(body), hash);
	if (!is_new && strcmp(hash, comment->hash) == 0 && !comment->is_hidden) {
		order_done(order); /* it says so already */
		return;
	}
	path = is_new ? order_path(order, "/repos/%s/issues/%" PRId64 "/comments", repo,
				order->request.number)
		      : order_path(order, "/repos/%s/issues/comments/%" PRId64, repo, comment->id);
	comment->is_busy = true;
	memcpy(comment->hash, hash, sizeof(hash));
	web_client_ask(order->host->client,
		&(struct web_ask){ .method = is_new ? "POST" : "PATCH",
			.path = path,
			.repo = repo,
			.body = order_json(order, "body", body),
			.priority = order_priority(order) },
		on_written, order);
}

void comment_folded(void *owner, const struct web_result *result, const struct err *err)
{
	struct web_order *order = owner;
	struct web_comment *comment = order->comment;
	struct web_thread *thread = order->thread;

	comment->is_busy = false;
	/* what the host refuses to fold (a comment that was deleted) needs no folding */
	comment->is_hidden = err == NULL;
	if (err != NULL && err->class == ERR_CLASS_TEMP)
		order_failed(order, result, err);
	else
		order_done(order);
	comment_next(thread, comment);
}

static void comment_fold(struct web_order *order)
{
	struct web_comment *comment = order->comment;
	bool minimizes = order->host->site.dialect->minimizes;

	if (comment->id == 0 || comment->is_hidden || (minimizes && str_empty(comment->node_id))) {
		order_done(order);
		return;
	}
	comment->is_busy = true;
	if (minimizes)
		comment_minimize(order, comment, true, comment_folded, order);
	else
		comment_wrap(order);
}

/* One call about a comment at a time; of texts that wait only the newest is sent. */
static void comment_next(struct web_thread *thread, struct web_comment *comment)
{
	struct web_order *order;

	while (!comment->is_busy && !list_empty(&comment->waiting)) {
		order = container_of(list_pop(&comment->waiting), struct web_order, in_list);
		if (!thread->is_loaded) {
			list_append(&thread->waiting, &order->in_list);
			order->comment = NULL;
			if (!thread->is_loading)
				thread_load(thread);
		} else if (order->request.call == HOST_COMMENT_HIDE) {
			comment_fold(order);
		} else {
			comment_write(order);
		}
	}
}

static void replace_waiting(struct web_comment *comment, const struct web_order *newer)
{
	list_for_each (item, &comment->waiting) {
		struct web_order *order = container_of(item, struct web_order, in_list);

		if (order->request.call != newer->request.call)
			continue;
		list_remove(item);
		order_done(order);
	}
}

static void comment_queue(struct web_order *order)
{
	struct web_comment *comment = comment_of(order->thread, order->request.marker);

	order->comment = comment;
	comment->shall_hide = order->request.call == HOST_COMMENT_HIDE;
	replace_waiting(comment, order);
	list_append(&comment->waiting, &order->in_list);
	comment_next(order->thread, comment);
}

static bool marker_is_valid(const char *marker)
{
	return !str_empty(marker) && strlen(marker) <= MARKER_MAX &&
	       strpbrk(marker, "<>\r\n") == NULL && strstr(marker, "--") == NULL;
}

const char *order_mark(struct web_order *order)
{
	return arena_printf(&order->arena, "%s%s%s", mark_begin, order->request.marker, mark_end);
}

/* "<!-- MARKER -->" is the first line, for us to find the comment again. */
int order_mark_body(struct web_order *order, struct err *err)
{
	struct host_request *request = &order->request;
	const char *first;

	if (!marker_is_valid(request->marker) || request->body == NULL)
		return err_set(err, ERR_BUG, "a text of ours needs a marker");
	first = order_mark(order);
	if (!str_starts(request->body, first))
		request->body = arena_printf(&order->arena, "%s%s", first, request->body);
	if (strlen(request->body) > BODY_BYTES_MAX)
		return err_set(err, ERR_LIMIT, "the text is longer than %s takes",
			order->host->site.dialect->title);
	return 0;
}

void comment_upsert(struct web_order *order)
{
	struct web_result none = { 0 };
	struct err err;

	if (order_mark_body(order, &err) < 0)
		order_failed(order, &none, &err);
	else if (thread_ready(order))
		comment_queue(order);
}

void comment_hide(struct web_order *order)
{
	struct web_result none = { 0 };
	struct err err;

	if (!marker_is_valid(order->request.marker)) {
		err_set(&err, ERR_BUG, "a comment is hidden by its marker");
		order_failed(order, &none, &err);
	} else if (thread_ready(order)) {
		comment_queue(order);
	}
}

/* ---- reactions ---- */

static void on_reacted(void *owner, const struct web_result *result, const struct err *err)
{
	struct web_order *order = owner;

	if (err != NULL && result->status != 404 && result->status != 422)
		order_failed(order, result, err);
	else /* the comment was deleted meanwhile: nobody misses the reaction */
		order_done(order);
}

void comment_react(struct web_order *order)
{
	const struct host_request *request = &order->request;
	struct web_result none = { 0 };
	struct err err;

	if (str_empty(request->comment_id) || !web_id_is_valid(request->comment_id)) {
		err_set(&err, ERR_BUG, "a reaction needs a comment");
		order_failed(order, &none, &err);
		return;
	}
	web_client_ask(order->host->client,
		&(struct web_ask){ .method = "POST",
			.path = order_path(order, "/repos/%s/issues/comments/%s/reactions",
				request->repo, request->comment_id),
			.repo = request->repo,
			.body = order_json(order, "content", request->body) },
		on_reacted, order);
}
