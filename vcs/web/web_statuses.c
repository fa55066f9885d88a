/* Commit statuses, and check runs when we are an App. What was said already is not said again, and
 * of a status that is pending only that it is. */
#include "orchestrator/lib/codec.h"
#include "orchestrator/lib/jsonx.h"
#include "vcs/web/web_inside.h"
#include "vcs/web/web_names.h"
#include <inttypes.h>
#include <string.h>

static void status_free(struct web_host *host, struct web_status *status)
{
	list_remove(&status->in_host);
	host->status_count--;
	free(status->key);
	free(status);
}

void statuses_release(struct web_host *host)
{
	list_for_each (item, &host->statuses) {
		status_free(host, container_of(item, struct web_status, in_host));
	}
}

static struct web_status *status_find(struct web_host *host, const char *key)
{
	list_for_each (item, &host->statuses) {
		struct web_status *status = container_of(item, struct web_status, in_host);

		if (strcmp(status->key, key) == 0)
			return status;
	}
	return NULL;
}

static void status_remember(struct web_order *order, const char *key)
{
	const struct host_request *request = &order->request;
	struct web_host *host = order->host;
	struct web_status *status = status_find(host, key);

	if (status == NULL) {
		if (host->status_count >= WEB_STATUSES_MAX)
			status_free(host,
				container_of(host->statuses.next, struct web_status, in_host));
		status = mem_alloc(sizeof(*status));
		status->key = mem_strdup(key);
		list_append(&host->statuses, &status->in_host);
		host->status_count++;
	}
	status->state = request->status;
	codec_sha256_hex(request->description, strlen(request->description), status->hash);
}

static const char *status_key(struct web_order *order)
{
	return arena_printf(&order->arena, "%s %s %s", order->request.repo, order->request.head,
		order->request.context);
}

static bool is_said(struct web_order *order)
{
	const struct host_request *request = &order->request;
	const struct web_status *status = status_find(order->host, status_key(order));
	char hash[WEB_HASH];

	if (status == NULL || status->state != request->status)
		return false;
	codec_sha256_hex(request->description, strlen(request->description), hash);
	return request->status == STATUS_PENDING || strcmp(hash, status->hash) == 0;
}

/* ---- saying it ---- */

static void on_status(void *owner, const struct web_result *result, const struct err *err)
{
	struct web_order *order = owner;

	if (err == NULL) {
		order_done(order);
		return;
	}
	if (status_find(order->host, status_key(order)) != NULL)
		status_free(order->host, status_find(order->host, status_key(order)));
	/* 422: the commit was pushed away, or has had a thousand of them: nobody looks there */
	if (result->status == 422 && order->host->tell != NULL)
		order->host->tell(
			order->host->owner, false, "a commit takes no more statuses", err);
	if (result->status == 422)
		order_done(order);
	else
		order_failed(order, result, err);
}

static const char *state_word(enum status_state state)
{
	static const char *const words[] = { NULL, "pending", "success", "failure", "error" };

	return words[state];
}

static void say_status(struct web_order *order)
{
	const struct host_request *request = &order->request;
	_cleanup_json_ json_t *json = json_pack("{s:s, s:s, s:s}", "state",
		state_word(request->status), "context", request->context, "description",
		request->description);
	_cleanup_free_ char *text = jsonx_text(json);

	web_client_ask(order->host->client,
		&(struct web_ask){ .method = "POST",
			.path = order_path(
				order, "/repos/%s/statuses/%s", request->repo, request->head),
			.repo = request->repo,
			.body = text,
			.priority = order_priority(order) },
		on_status, order);
}

/* ---- check runs ---- */

enum { ANNOTATIONS_A_CALL = 50 }; /* GitHub takes no more, and adds those of each call */

static json_t *annotations_json(const struct web_order *order)
{
	json_t *list = json_array();
	size_t end = order->annotation_at + ANNOTATIONS_A_CALL;

	for (size_t i = order->annotation_at; i < end && i < order->request.annotation_count; i++) {
		const struct host_annotation *one = &order->request.annotations[i];

		json_array_append_new(
			list, json_pack("{s:s, s:I, s:I, s:s, s:s, s:s}", "path", one->path,
				      "start_line", (json_int_t)one->line, "end_line",
				      (json_int_t)one->line, "annotation_level", "failure", "title",
				      one->title, "message", one->text));
	}
	return list;
}

static json_t *check_body(const struct host_request *request, bool is_new)
{
	static const char *const conclusions[] = { NULL, NULL, "success", "failure", "failure" };
	bool is_open = request->status == STATUS_PENDING;
	json_t *json = json_pack("{s:s, s:{s:s, s:s}}", "status",
		is_open ? "in_progress" : "completed", "output", "title", request->description,
		"summary", str_empty(request->body) ? request->description : request->body);

	if (is_new) {
		json_object_set_new(json, "name", json_string(request->context));
		json_object_set_new(json, "head_sha", json_string(request->head));
		json_object_set_new(
			json, "external_id", json_sprintf("sluice:%" PRId64, request->number));
	}
	if (is_open)
		return json;
	json_object_set_new(json, "conclusion", json_string(conclusions[request->status]));
	json_object_set_new(json, "actions",
		json_pack("[{s:s, s:s, s:s}]", "label", "Plan again", "description",
			"Plan all projects of this head", "identifier", "plan"));
	return json;
}

static void write_check(struct web_order *order, int64_t id);

static void on_check(void *owner, const struct web_result *result, const struct err *err)
{
	struct web_order *order = owner;
	struct web_status *status = status_find(order->host, status_key(order));
	int64_t id = web_number(result->json, "id");

	if (err == NULL && status != NULL && id > 0)
		status->check_id = id;
	order->annotation_at += ANNOTATIONS_A_CALL;
	if (err == NULL && id > 0 && order->annotation_at < order->request.annotation_count)
		write_check(order, id);
	else
		on_status(order, result, err);
}

static void write_check(struct web_order *order, int64_t id)
{
	const struct host_request *request = &order->request;
	_cleanup_json_ json_t *json = check_body(request, id == 0);
	_cleanup_free_ char *text = NULL;
	const char *path = id == 0 ? order_path(order, "/repos/%s/check-runs", request->repo)
				   : order_path(order, "/repos/%s/check-runs/%" PRId64,
					     request->repo, id);

	if (order->annotation_at < request->annotation_count)
		json_object_set_new(
			json_object_get(json, "output"), "annotations", annotations_json(order));
	text = jsonx_text(json);
	status_remember(order, status_key(order));
	web_client_ask(order->host->client,
		&(struct web_ask){ .method = id == 0 ? "POST" : "PATCH",
			.path = path,
			.repo = request->repo,
			.body = text,
			.priority = order_priority(order) },
		on_check, order);
}

/* One that we made before a restart, or whose answer was lost, is used again. */
static void on_checks(void *owner, const struct web_result *result, const struct err *err)
{
	struct web_order *order = owner;
	const json_t *found = json_array_get(web_at(result->json, "check_runs"), 0);

	bool is_ours = str_equal(web_text(found, "name"), order->request.context);

	if (err != NULL) {
		order_failed(order, result, err);
		return;
	}
	if (is_ours) /* those that an answer was lost of stand there */
		order->annotation_at = (size_t)web_number(found, "output.annotations_count");
	write_check(order, is_ours ? web_number(found, "id") : 0);
}

static void look_for_check(struct web_order *order)
{
	const struct host_request *request = &order->request;
	_cleanup_free_ char *name = codec_url_word(request->context);

	web_client_ask(order->host->client,
		&(struct web_ask){ .method = "GET",
			.path = order_path(order,
				"/repos/%s/commits/%s/check-runs?check_name=%s&filter=latest",
				request->repo, request->head, name),
			.repo = request->repo },
		on_checks, order);
}

void status_set(struct web_order *order)
{
	struct host_request *request = &order->request;
	const struct web_status *known;
	struct web_result none = { 0 };
	struct err err;

	if (request->description == NULL)
		request->description = "";
	if (str_empty(request->head) || !codec_is_hex(request->head, OID_HEX) ||
		str_empty(request->context) || request->status < STATUS_PENDING ||
		request->status > STATUS_ERROR) {
		err_set(&err, ERR_BUG, "a status needs a commit, a context and a state");
		order_failed(order, &none, &err);
		return;
	}
	if (is_said(order)) {
		order_done(order);
		return;
	}
	known = status_find(order->host, status_key(order));
	if (!web_client_is_app(order->host->client)) {
		status_remember(order, status_key(order));
		say_status(order);
	} else if (known != NULL && known->check_id > 0) {
		write_check(order, known->check_id);
	} else {
		look_for_check(order);
	}
}
