/* Comments about older heads are folded: by a call where there is one, else by their own text. */
#include "orchestrator/lib/jsonx.h"
#include "vcs/web/web_inside.h"
#include <inttypes.h>
#include <string.h>

static const char fold_begin[] = "<details><summary>Outdated</summary>\n\n";
static const char fold_end[] = "\n\n</details>\n";

/* ---- by a call ---- */

void comment_minimize(struct web_order *order, struct web_comment *comment, bool is_folded,
	web_answer_cb cb, void *owner)
{
	static const char hide[] =
		"mutation($id:ID!){minimizeComment(input:{subjectId:$id,classifier:OUTDATED})"
		"{minimizedComment{isMinimized}}}";
	static const char show[] = "mutation($id:ID!){unminimizeComment(input:{subjectId:$id})"
				   "{unminimizedComment{isMinimized}}}";
	_cleanup_json_ json_t *json = json_pack("{s:s, s:{s:s}}", "query", is_folded ? hide : show,
		"variables", "id", comment->node_id);
	_cleanup_free_ char *text = jsonx_text(json);

	web_client_ask(order->host->client,
		&(struct web_ask){ .method = "POST",
			.repo = order->request.repo,
			.body = text,
			.priority = WEB_NORMAL },
		cb, owner);
}

/* ---- by its text ---- */

/* The marker's line stays the first one; NULL: it is folded, or not as we wrote it. */
static char *folded_text(const char *body)
{
	const char *rest = strstr(body, "-->");

	rest = rest == NULL ? NULL : strchr(rest, '\n');
	if (rest == NULL || str_starts(rest + 1, fold_begin))
		return NULL;
	return mem_printf(
		"%.*s%s%s%s", (int)(rest + 1 - body), body, fold_begin, rest + 1, fold_end);
}

static void on_text(void *owner, const struct web_result *result, const struct err *err)
{
	struct web_order *order = owner;
	const struct web_comment *comment = order->comment;
	_cleanup_free_ char *body = err != NULL ? NULL
						: folded_text(web_text(result->json, "body"));

	if (body == NULL) {
		comment_folded(order, result, err);
		return;
	}
	web_client_ask(order->host->client,
		&(struct web_ask){ .method = "PATCH",
			.path = order_path(order, "/repos/%s/issues/comments/%" PRId64,
				order->request.repo, comment->id),
			.repo = order->request.repo,
			.body = order_json(order, "body", body),
			.priority = WEB_NORMAL },
		comment_folded, order);
}

void comment_wrap(struct web_order *order)
{
	web_client_ask(order->host->client,
		&(struct web_ask){ .method = "GET",
			.path = order_path(order, "/repos/%s/issues/comments/%" PRId64,
				order->request.repo, order->comment->id),
			.repo = order->request.repo,
			.priority = WEB_NORMAL },
		on_text, order);
}
