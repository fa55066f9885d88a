/* Merging, and what is left of the branch afterwards. What must not happen twice is looked up
 * first or recognised by what stands there. */
#include "orchestrator/lib/codec.h"
#include "orchestrator/lib/jsonx.h"
#include "vcs/web/web_inside.h"
#include "vcs/web/web_names.h"
#include <inttypes.h>
#include <string.h>

static const char *const methods[] = { "merge", "squash", "rebase" };

static const char *pull_path(struct web_order *order)
{
	return order_path(
		order, "/repos/%s/pulls/%" PRId64, order->request.repo, order->request.number);
}

static void order_refuse(struct web_order *order, const struct err *err)
{
	order_failed(order, &(struct web_result){ 0 }, err);
}

/* ---- merging ---- */

/* The host did not merge, or its answer to an earlier call was lost: the pull request itself tells.
 */
static void on_looked(void *owner, const struct web_result *result, const struct err *err)
{
	struct web_order *order = owner;
	const char *head = web_text(result->json, "head.sha");
	struct err refused;

	if (err != NULL) {
		order_failed(order, result, err);
		return;
	}
	if (!str_equal(head, order->request.head))
		err_class_set(&refused, ERR_STALE, ERR_CLASS_USER,
			"there is a newer push, and only what was applied is merged");
	else if (json_is_true(web_at(result->json, "merged"))) {
		order_done(order);
		return;
	} else if (!str_equal(web_text(result->json, "state"), "open"))
		err_user(&refused, ERR_REFUSED, "the pull request was closed");
	else
		refused = order->err;
	order_refuse(order, &refused);
}

/* Words for no; what the host says is text for people. Gitea says 405 too while it still looks. */
static bool is_passing_refusal(const struct web_result *result)
{
	return result->status == 409 ||
	       strcasestr(web_text(result->json, "message"), "try again later") != NULL;
}

static void on_merged(void *owner, const struct web_result *result, const struct err *err)
{
	struct web_order *order = owner;

	if (err == NULL) {
		order_done(order);
		return;
	}
	if (result->status != 404 && result->status != 405 && result->status != 409 &&
		result->status != 422 && result->status != 403) {
		order_failed(order, result, err);
		return;
	}
	err_class_set(&order->err, ERR_REFUSED,
		is_passing_refusal(result) ? ERR_CLASS_TEMP : ERR_CLASS_USER, "%s", err->text);
	web_client_ask(order->host->client,
		&(struct web_ask){
			.method = "GET", .path = pull_path(order), .repo = order->request.repo },
		on_looked, order);
}

static void ask_merge(struct web_order *order, const char *method)
{
	const struct web_dialect *dialect = order->host->site.dialect;
	_cleanup_json_ json_t *json = json_pack("{s:s, s:s}", dialect->merge_head_key,
		order->request.head, dialect->merge_style_key, method);
	_cleanup_free_ char *text = jsonx_text(json);

	web_client_ask(order->host->client,
		&(struct web_ask){ .method = dialect->merge_call,
			.path = order_path(order, "%s/merge", pull_path(order)),
			.repo = order->request.repo,
			.body = text },
		on_merged, order);
}

static void on_repo(void *owner, const struct web_result *result, const struct err *err)
{
	struct web_order *order = owner;

	if (err != NULL)
		order_failed(order, result, err);
	else
		ask_merge(order, order->host->site.dialect->merge_style(result->json));
}

void pull_merge(struct web_order *order)
{
	const struct host_request *request = &order->request;
	bool is_known = str_empty(request->method);
	struct err err;

	for (size_t i = 0; i < countof(methods); i++)
		is_known = is_known || str_equal(request->method, methods[i]);
	if (!is_known || str_empty(request->head) || !codec_is_hex(request->head, OID_HEX)) {
		err_set(&err, ERR_BUG, "a merge needs a commit and a method that hosts have");
		order_refuse(order, &err);
		return;
	}
	if (!str_empty(request->method)) {
		ask_merge(order, request->method);
		return;
	}
	web_client_ask(order->host->client,
		&(struct web_ask){ .method = "GET",
			.path = order_path(order, "/repos/%s", request->repo),
			.repo = request->repo },
		on_repo, order);
}

/* ---- the branch ---- */

static void on_deleted(void *owner, const struct web_result *result, const struct err *err)
{
	struct web_order *order = owner;

	/* 404, 422: it is gone, or a rule keeps it */
	if (err != NULL && result->status != 404 && result->status != 422)
		order_failed(order, result, err);
	else
		order_done(order);
}

static char *ref_path(struct web_order *order, const char *kind, const char *branch)
{
	_cleanup_free_ char *word = codec_url_word(branch);

	return arena_printf(&order->arena, "/repos/%s/%s%s", order->request.repo, kind, word);
}

/* Whoever pushed after the merge keeps the branch. */
static void on_branch(void *owner, const struct web_result *result, const struct err *err)
{
	struct web_order *order = owner;
	const char *branch = web_text(result->json, "name");

	if (err != NULL && result->status != 404) {
		order_failed(order, result, err);
		return;
	}
	if (err != NULL || json_is_true(web_at(result->json, "protected")) ||
		!str_equal(web_text(result->json, order->host->site.dialect->branch_oid),
			order->request.head) ||
		!web_ref_is_valid(branch)) {
		order_done(order);
		return;
	}
	web_client_ask(order->host->client,
		&(struct web_ask){ .method = "DELETE",
			.path = ref_path(order, order->host->site.dialect->branch_path, branch),
			.repo = order->request.repo },
		on_deleted, order);
}

static void on_merged_pull(void *owner, const struct web_result *result, const struct err *err)
{
	struct web_order *order = owner;
	const char *branch = web_text(result->json, "head.ref");
	const json_t *head_repo = web_at(result->json, "head.repo");
	const json_t *base_repo = web_at(result->json, "base.repo");

	if (err != NULL) {
		order_failed(order, result, err);
		return;
	}
	if (!json_is_true(web_at(result->json, "merged")) || !web_ref_is_valid(branch) ||
		web_number(head_repo, "id") == 0 ||
		web_number(head_repo, "id") != web_number(base_repo, "id") ||
		str_equal(web_text(base_repo, "default_branch"), branch) ||
		str_equal(web_text(result->json, "base.ref"), branch)) {
		order_done(order);
		return;
	}
	web_client_ask(order->host->client,
		&(struct web_ask){ .method = "GET",
			.path = ref_path(order, "branches/", branch),
			.repo = order->request.repo },
		on_branch, order);
}

void branch_delete(struct web_order *order)
{
	web_client_ask(order->host->client,
		&(struct web_ask){
			.method = "GET", .path = pull_path(order), .repo = order->request.repo },
		on_merged_pull, order);
}
