/* What GitHub asks for before it lets a pull request be merged, and its teams. */
#include "orchestrator/lib/jsonx.h"
#include "vcs/github/github_dialect.h"
#include "vcs/github/github_mergeable.h"
#include "vcs/web/web_inside.h"
#include "vcs/web/web_names.h"
#include <inttypes.h>
#include <string.h>

enum { PAGES_MAX = 20, REPOS_MAX = 20 };

/* ---- mergeable ---- */

static void ask_query(struct web_order *order, json_t *query, web_answer_cb cb)
{
	_cleanup_free_ char *text = jsonx_text(query);

	json_decref(query);
	web_client_ask(order->host->client,
		&(struct web_ask){ .method = "POST", .repo = order->request.repo, .body = text },
		cb, order);
}

static json_t *cursor_json(const char *cursor)
{
	return cursor[0] == '\0' ? json_null() : json_string(cursor);
}

static json_t *mergeable_query(
	const struct host_request *request, const char *rules, const char *checks)
{
	return json_pack("{s:s, s:{s:s%, s:s, s:I, s:o, s:o}}", "query", github_mergeable_query,
		"variables", "owner", request->repo, strcspn(request->repo, "/"), "name",
		strchr(request->repo, '/') + 1, "number", (json_int_t)request->number, "rules",
		cursor_json(rules), "checks", cursor_json(checks));
}

/* Required workflows are named by the number of the repository that holds them. */
static json_t *repo_query(const char *name)
{
	return json_pack("{s:s, s:{s:s%, s:s}}", "query",
		"query($owner:String!,$name:String!){repository(owner:$owner,name:$name)"
		"{databaseId}}",
		"variables", "owner", name, strcspn(name, "/"), "name", strchr(name, '/') + 1);
}

static void take_verdict(struct web_order *order, const struct github_mergeable *verdict)
{
	struct host_facts *facts = &order->facts;

	facts->approved = verdict->is_approved ? WORD_YES : WORD_NO;
	facts->mergeable = verdict->why[0] != '\0' ? WORD_NO
			   : verdict->is_unknown   ? WORD_UNKNOWN
						   : WORD_YES;
	facts->mergeable_why = facts->mergeable == WORD_UNKNOWN
				       ? "GitHub is still looking whether it can be merged"
				       : verdict->why;
}

static void on_repo_id(void *owner, const struct web_result *result, const struct err *err);

static void judge(struct web_order *order)
{
	const json_t *answer = json_object_get(order->kept, "answer");
	json_t *ids = json_object_get(order->kept, "ids");
	struct github_mergeable verdict;
	struct err err;
	int r = github_mergeable_read(
		answer, order->request.context, ids, &order->arena, &verdict, &err);

	if (r == 0 && verdict.needs_repo != NULL &&
		(!web_repo_is_valid(verdict.needs_repo) || json_object_size(ids) >= REPOS_MAX))
		r = err_set(&err, ERR_LIMIT, "too many repositories hold required workflows");
	if (r == 0 && verdict.needs_repo != NULL) {
		json_object_set_new(order->kept, "asked", json_string(verdict.needs_repo));
		ask_query(order, repo_query(verdict.needs_repo), on_repo_id);
		return;
	}
	if (r == 0) {
		take_verdict(order, &verdict);
		facts_take_labels(order, /* GitHub allows 100 */
			web_at(answer, "data.repository.pullRequest.labels.nodes"));
	}
	facts_rules_ended(order, &(struct web_result){ 0 }, r < 0 ? &err : NULL);
}

static void on_repo_id(void *owner, const struct web_result *result, const struct err *err)
{
	struct web_order *order = owner;
	int64_t id = web_number(result->json, "data.repository.databaseId");

	if (err != NULL) {
		facts_rules_ended(order, result, err);
		return;
	}
	/* -1: nobody has that number, and nobody asks again */
	json_object_set_new(json_object_get(order->kept, "ids"), web_text(order->kept, "asked"),
		json_integer(id > 0 ? id : -1));
	judge(order);
}

static void on_mergeable(void *owner, const struct web_result *result, const struct err *err)
{
	struct web_order *order = owner;
	json_t *whole = json_object_get(order->kept, "answer");
	const char *rules = "", *checks = "";
	struct err more;

	if (err != NULL) {
		facts_rules_ended(order, result, err);
		return;
	}
	if (whole == NULL)
		json_object_set_new(order->kept, "answer", json_deep_copy(result->json));
	else
		github_mergeable_join(whole, result->json);
	whole = json_object_get(order->kept, "answer");
	if (!github_mergeable_next(whole, &rules, &checks)) {
		judge(order);
	} else if (++order->page_count >= PAGES_MAX) {
		err_set(&more, ERR_LIMIT, "more than %d pages of checks or rules hold for it",
			PAGES_MAX);
		facts_rules_ended(order, result, &more);
	} else {
		ask_query(order, mergeable_query(&order->request, rules, checks), on_mergeable);
	}
}

static void ask_rules(struct web_order *order)
{
	json_object_set_new(order->kept, "ids", json_object());
	ask_query(order, mergeable_query(&order->request, "", ""), on_mergeable);
}

/* ---- teams ---- */

/* GitHub lists those of the teams below it too, and nobody who was invited and has not said yes. */
static void ask_team(struct facts_part *part, const char *owner, const char *name)
{
	struct web_order *order = part->order;

	web_client_ask(order->host->client,
		&(struct web_ask){ .method = "GET",
			.path = order_path(
				order, "/orgs/%s/teams/%s/members?per_page=100", owner, name),
			.repo = order->request.repo,
			.all_pages = true },
		facts_on_team, part);
}

const struct web_verbs github_verbs = { .ask_rules = ask_rules, .ask_team = ask_team };
