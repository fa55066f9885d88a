/* Issues of ours, each found by its marker among those that we wrote: after an answer that was lost
 * nothing is made twice. */
#include "orchestrator/lib/codec.h"
#include "orchestrator/lib/jsonx.h"
#include "vcs/web/web_inside.h"
#include "vcs/web/web_names.h"
#include <inttypes.h>
#include <string.h>

static void on_written(void *owner, const struct web_result *result, const struct err *err)
{
	struct web_order *order = owner;

	if (err != NULL) {
		order_failed(order, result, err);
		return;
	}
	order->issue = web_number(result->json, "number");
	order_done(order);
}

static void ask(struct web_order *order, const char *method, const char *path, const json_t *body)
{
	_cleanup_free_ char *text = jsonx_text(body);

	web_client_ask(order->host->client,
		&(struct web_ask){
			.method = method, .path = path, .repo = order->request.repo, .body = text },
		on_written, order);
}

static const char *issues_path(struct web_order *order)
{
	return order_path(order, "/repos/%s/issues", order->request.repo);
}

/* Whoever copies the marker has written no issue of ours; lists of issues hold pull requests too.
 */
static bool is_it(const struct web_order *order, const json_t *issue, const char *mark)
{
	const char *body = web_text(issue, "body");
	size_t length = strlen(mark) - 1; /* some keep lines that end as in mails */

	return strcasecmp(web_text(issue, "user.login"), order->host->login) == 0 &&
	       !json_is_object(web_at(issue, "pull_request")) && strncmp(body, mark, length) == 0 &&
	       (body[length] == '\n' || str_starts(body + length, "\r\n"));
}

/* Of two the older one. */
static const json_t *find(struct web_order *order, const json_t *list)
{
	const char *mark = order_mark(order);
	const json_t *found = NULL, *one;
	size_t i;

	json_array_foreach ((json_t *)(uintptr_t)list, i, one) {
		if (is_it(order, one, mark) &&
			(found == NULL || web_number(one, "number") < web_number(found, "number")))
			found = one;
	}
	return found;
}

/* What is to be changed of it; an empty object: nothing. */
static json_t *difference(struct web_order *order, const json_t *issue)
{
	const struct host_request *request = &order->request;
	bool has_body = !str_equal(request->body, order_mark(order));
	const struct {
		const char *key, *value;
	} rows[] = { { "title", request->title }, { "body", has_body ? request->body : "" },
		{ "state", request->is_wanted ? "open" : "closed" } };
	json_t *changes = json_object();

	for (size_t i = 0; i < countof(rows); i++) {
		if (!str_empty(rows[i].value) &&
			!str_equal(rows[i].value, web_text(issue, rows[i].key)))
			json_object_set_new(changes, rows[i].key, json_string(rows[i].value));
	}
	return changes;
}

static void on_list(void *owner, const struct web_result *result, const struct err *err)
{
	struct web_order *order = owner;
	const json_t *issue = err == NULL ? find(order, result->json) : NULL;
	_cleanup_json_ json_t *body = NULL;

	if (err != NULL) {
		order_failed(order, result, err);
	} else if (issue != NULL) {
		order->issue = web_number(issue, "number");
		body = difference(order, issue);
		if (json_object_size(body) == 0)
			order_done(order);
		else
			ask(order, "PATCH",
				order_path(order, "%s/%" PRId64, issues_path(order), order->issue),
				body);
	} else if (order->request.is_wanted) {
		body = json_pack(
			"{s:s, s:s}", "title", order->request.title, "body", order->request.body);
		ask(order, "POST", issues_path(order), body);
	} else {
		order_done(order);
	}
}

static int check(struct web_order *order, struct err *err)
{
	struct host_request *request = &order->request;

	if (request->is_wanted && (str_empty(request->body) || str_empty(request->title)))
		return err_set(err, ERR_BUG, "an issue needs a title and a text");
	if (!str_empty(request->title) && !web_line_is_valid(request->title, WEB_TITLE_MAX))
		return err_set(err, ERR_BUG, "the title of an issue is one line");
	if (request->body == NULL)
		request->body = "";
	return order_mark_body(order, err);
}

void issue_set(struct web_order *order)
{
	const struct web_dialect *dialect = order->host->site.dialect;
	_cleanup_free_ char *login = codec_url_word(order->host->login);
	struct err err;

	if (check(order, &err) < 0) {
		order_failed(order, &(struct web_result){ 0 }, &err);
		return;
	}
	web_client_ask(order->host->client,
		&(struct web_ask){ .method = "GET",
			.path = order_path(order, "%s?%s%s&%s", issues_path(order),
				dialect->issues_of, login, dialect->page_size),
			.repo = order->request.repo,
			.all_pages = true },
		on_list, order);
}
