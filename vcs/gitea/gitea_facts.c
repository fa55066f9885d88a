/* What Gitea is asked for when a gate wants to know: the rules of a branch, and teams. */
#include "orchestrator/lib/codec.h"
#include "orchestrator/lib/jsonx.h"
#include "vcs/gitea/gitea_dialect.h"
#include "vcs/gitea/gitea_rules.h"
#include "vcs/web/web_inside.h"
#include "vcs/web/web_names.h"
#include <inttypes.h>
#include <string.h>
#include <strings.h>

enum { PAGE = 50, PAGES_MAX = 20 };

static void ask(
	struct web_order *order, const char *path, bool all_pages, web_answer_cb cb, void *owner)
{
	web_client_ask(order->host->client,
		&(struct web_ask){ .method = "GET",
			.path = path,
			.repo = order->request.repo,
			.all_pages = all_pages },
		cb, owner);
}

/* ---- the rules: pull request, reviews, branch, its protection, statuses ---- */

static struct gitea_answers answers_of(const struct web_order *order)
{
	return (struct gitea_answers){ .pull = json_object_get(order->kept, "pull"),
		.reviews = json_object_get(order->kept, "reviews"),
		.branch = json_object_get(order->kept, "branch"),
		.protection = json_object_get(order->kept, "protection"),
		.statuses = json_object_get(order->kept, "statuses"),
		.own = order->request.context };
}

/* false: it failed, and the order goes its way. */
static bool keep(struct web_order *order, const char *name, const struct web_result *result,
	const struct err *err)
{
	if (err != NULL)
		facts_rules_ended(order, result, err);
	else
		json_object_set(order->kept, name, (json_t *)(uintptr_t)result->json);
	return err == NULL;
}

static void judge(struct web_order *order)
{
	struct gitea_answers answers = answers_of(order);

	gitea_rules_judge(&answers, &order->arena, &order->facts);
	facts_take_labels(order, web_at(answers.pull, "labels"));
	facts_rules_ended(order, &(struct web_result){ 0 }, NULL);
}

static void ask_statuses(struct web_order *order);

/* An object with a list in it: pages are counted here, up to the first empty one. */
static void on_statuses(void *owner, const struct web_result *result, const struct err *err)
{
	struct web_order *order = owner;
	const json_t *page = web_at(result->json, "statuses");
	struct err many;

	if (err != NULL) {
		facts_rules_ended(order, result, err);
	} else if (json_array_size(page) == 0) {
		judge(order);
	} else if (++order->page_count >= PAGES_MAX) {
		err_set(&many, ERR_LIMIT, "the commit has more than %d pages of statuses",
			PAGES_MAX);
		facts_rules_ended(order, result, &many);
	} else {
		json_array_extend(
			json_object_get(order->kept, "statuses"), (json_t *)(uintptr_t)page);
		ask_statuses(order);
	}
}

static void ask_statuses(struct web_order *order)
{
	ask(order,
		order_path(order, "/repos/%s/commits/%s/status?limit=%d&page=%d",
			order->request.repo,
			web_text(json_object_get(order->kept, "pull"), "head.sha"), PAGE,
			order->page_count + 1),
		false, on_statuses, order);
}

static void statuses_or_judge(struct web_order *order)
{
	struct gitea_answers answers = answers_of(order);

	if (!gitea_needs_statuses(&answers)) {
		judge(order);
		return;
	}
	json_object_set_new(order->kept, "statuses", json_array());
	ask_statuses(order);
}

/* Only administrators of a repository may read its rules. */
static void on_protection(void *owner, const struct web_result *result, const struct err *err)
{
	struct web_order *order = owner;

	if (err != NULL && result->status != 403 && result->status != 404) {
		facts_rules_ended(order, result, err);
		return;
	}
	if (err == NULL)
		json_object_set(order->kept, "protection", (json_t *)(uintptr_t)result->json);
	statuses_or_judge(order);
}

static void on_branch(void *owner, const struct web_result *result, const struct err *err)
{
	struct web_order *order = owner;
	const char *rule = web_text(result->json, "effective_branch_protection_name");
	_cleanup_free_ char *word = codec_url_word(rule);

	if (!keep(order, "branch", result, err))
		return;
	if (rule[0] == '\0')
		statuses_or_judge(order);
	else
		ask(order,
			order_path(order, "/repos/%s/branch_protections/%.600s",
				order->request.repo, word),
			false, on_protection, order);
}

static void on_reviews(void *owner, const struct web_result *result, const struct err *err)
{
	struct web_order *order = owner;
	const char *base = web_text(json_object_get(order->kept, "pull"), "base.ref");
	_cleanup_free_ char *word = codec_url_word(base);

	if (keep(order, "reviews", result, err))
		ask(order,
			order_path(order, "/repos/%s/branches/%.800s", order->request.repo, word),
			false, on_branch, order);
}

static void on_pull(void *owner, const struct web_result *result, const struct err *err)
{
	struct web_order *order = owner;
	struct vcs_event event;
	struct err odd;

	if (err == NULL &&
		web_pull_read(&order->host->site, result->json, &order->arena, &event, &odd) < 0)
		err = &odd;
	if (keep(order, "pull", result, err))
		ask(order,
			order_path(order, "/repos/%s/pulls/%" PRId64 "/reviews?limit=%d",
				order->request.repo, order->request.number, PAGE),
			true, on_reviews, order);
}

static void ask_rules(struct web_order *order)
{
	ask(order,
		order_path(order, "/repos/%s/pulls/%" PRId64, order->request.repo,
			order->request.number),
		false, on_pull, order);
}

/* ---- teams: a name is looked up first ---- */

static void on_found(void *owner, const struct web_result *result, const struct err *err)
{
	struct facts_part *part = owner;
	struct web_order *order = part->order;
	const char *team = order->request.teams[part->index];
	const char *name = strrchr(team, '/') == NULL ? team : strrchr(team, '/') + 1;
	const json_t *one;
	int64_t id = 0;
	size_t i;

	json_array_foreach ((json_t *)(uintptr_t)web_at(result->json, "data"), i, one) {
		if (strcasecmp(web_text(one, "name"), name) == 0)
			id = web_number(one, "id");
	}
	if (err != NULL || id <= 0) {
		struct err none;
		struct web_result missing = { .status = err != NULL ? result->status : 404 };

		err_set(&none, ERR_MISSING, "no such team");
		facts_on_team(part, err != NULL ? result : &missing, err != NULL ? err : &none);
		return;
	}
	ask(order, order_path(order, "/teams/%" PRId64 "/members?limit=%d", id, PAGE), true,
		facts_on_team, part);
}

static void ask_team(struct facts_part *part, const char *owner, const char *name)
{
	ask(part->order,
		order_path(part->order, "/orgs/%s/teams/search?q=%s&limit=%d", owner, name, PAGE),
		false, on_found, part);
}

const struct web_verbs gitea_verbs = { .ask_rules = ask_rules, .ask_team = ask_team };
