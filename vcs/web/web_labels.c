/* One label of a pull request: there, or not there. Each call may have been made before. */
#include "orchestrator/lib/codec.h"
#include "orchestrator/lib/jsonx.h"
#include "vcs/web/web_inside.h"
#include "vcs/web/web_names.h"
#include <inttypes.h>
#include <string.h>

static const char new_color[] = "#ededed";

static void ask(struct web_order *order, const char *method, const char *path, json_t *body,
	bool all_pages, web_answer_cb cb)
{
	_cleanup_json_ json_t *json = body;
	_cleanup_free_ char *text = json == NULL ? NULL : jsonx_text(json);

	web_client_ask(order->host->client,
		&(struct web_ask){ .method = method,
			.path = path,
			.repo = order->request.repo,
			.body = text,
			.all_pages = all_pages },
		cb, order);
}

static const char *labels_path(struct web_order *order)
{
	return order_path(order, "/repos/%s/issues/%" PRId64 "/labels", order->request.repo,
		order->request.number);
}

static void on_set(void *owner, const struct web_result *result, const struct err *err)
{
	struct web_order *order = owner;

	/* what shall not be there is not */
	if (err != NULL && (order->request.is_wanted || result->status != 404))
		order_failed(order, result, err);
	else
		order_done(order);
}

/* ---- by its number ---- */

static int64_t id_among(const json_t *labels, const char *name)
{
	const json_t *one;
	size_t i;

	json_array_foreach ((json_t *)(uintptr_t)labels, i, one) {
		if (str_equal(web_text(one, "name"), name))
			return web_number(one, "id");
	}
	return 0;
}

static void add_id(struct web_order *order, int64_t id)
{
	ask(order, "POST", labels_path(order), json_pack("{s:[I]}", "labels", (json_int_t)id),
		false, on_set);
}

static void on_made(void *owner, const struct web_result *result, const struct err *err)
{
	struct web_order *order = owner;

	if (err != NULL)
		order_failed(order, result, err);
	else
		add_id(order, web_number(result->json, "id"));
}

static void on_owners(void *owner, const struct web_result *result, const struct err *err)
{
	struct web_order *order = owner;
	const char *label = order->request.label;
	int64_t id = err == NULL ? id_among(result->json, label) : 0;

	if (err != NULL && result->status != 404) /* a person has no labels for all repositories */
		order_failed(order, result, err);
	else if (id > 0)
		add_id(order, id);
	else
		ask(order, "POST", order_path(order, "/repos/%s/labels", order->request.repo),
			json_pack("{s:s, s:s}", "name", label, "color", new_color), false, on_made);
}

static void on_repos(void *owner, const struct web_result *result, const struct err *err)
{
	struct web_order *order = owner;
	const char *repo = order->request.repo;
	int64_t id = err == NULL ? id_among(result->json, order->request.label) : 0;

	if (err != NULL)
		order_failed(order, result, err);
	else if (id > 0)
		add_id(order, id);
	else
		ask(order, "GET",
			order_path(order, "/orgs/%.*s/labels?%s", (int)strcspn(repo, "/"), repo,
				order->host->site.dialect->page_size),
			NULL, true, on_owners);
}

static void on_pulls(void *owner, const struct web_result *result, const struct err *err)
{
	struct web_order *order = owner;
	int64_t id = err == NULL ? id_among(result->json, order->request.label) : 0;

	if (err != NULL)
		order_failed(order, result, err);
	else if ((id > 0) == order->request.is_wanted)
		order_done(order); /* so it is already */
	else if (id > 0)
		ask(order, "DELETE", order_path(order, "%s/%" PRId64, labels_path(order), id), NULL,
			false, on_set);
	else
		ask(order, "GET",
			order_path(order, "/repos/%s/labels?%s", order->request.repo,
				order->host->site.dialect->page_size),
			NULL, true, on_repos);
}

/* ---- by its name ---- */

static void set_by_name(struct web_order *order)
{
	_cleanup_free_ char *word = codec_url_word(order->request.label);

	if (order->request.is_wanted)
		ask(order, "POST", labels_path(order),
			json_pack("{s:[s]}", "labels", order->request.label), false, on_set);
	else
		ask(order, "DELETE", order_path(order, "%s/%s", labels_path(order), word), NULL,
			false, on_set);
}

void label_set(struct web_order *order)
{
	struct err err;

	if (str_empty(order->request.label) ||
		!web_line_is_valid(order->request.label, WEB_LABEL_MAX)) {
		err_set(&err, ERR_BUG, "that is no label");
		order_failed(order, &(struct web_result){ 0 }, &err);
	} else if (order->host->site.dialect->labels_have_ids) {
		ask(order, "GET", labels_path(order), NULL, false, on_pulls);
	} else {
		set_by_name(order);
	}
}
