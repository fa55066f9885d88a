/* What the gates want to know of GitHub: who may write, who is in a team, and whether it would let
 * a pull request be merged. Everything is asked at once. */
#include "orchestrator/lib/jsonx.h"
#include "vcs/github/github_inside.h"
#include "vcs/github/github_mergeable.h"
#include "vcs/github/github_names.h"
#include <inttypes.h>
#include <string.h>

enum { PAGES_MAX = 20, REPOS_MAX = 20 };

/* One person or team of a request. */
struct facts_part {
	struct github_order *order;
	size_t index; /* among the people, or among the teams */
};

static struct facts_part *part_new(struct github_order *order, size_t index)
{
	struct facts_part *part = arena_alloc(&order->arena, sizeof(*part));

	*part = (struct facts_part){ .order = order, .index = index };
	order->open_calls++;
	return part;
}

/* What GitHub does not want to say is not known, and the operator learns why; what it cannot say
 * now is asked again. */
static void part_ended(struct github_order *order, const struct github_result *result,
	const struct err *err, const char *what)
{
	if (err != NULL && err->class != ERR_CLASS_TEMP) {
		if (order->host->tell != NULL)
			order->host->tell(order->host->owner, true, what, err);
		err = NULL;
	}
	order_part_ended(order, result, err);
}

/* ---- people ---- */

static void on_person(void *owner, const struct github_result *result, const struct err *err)
{
	struct facts_part *part = owner;
	struct host_person *person = &part->order->facts.people[part->index];

	if (err == NULL) {
		person->may_write = github_may_write(result->json) ? WORD_YES : WORD_NO;
	} else if (result->status == 404) { /* nobody whom the repository knows */
		person->may_write = WORD_NO;
		err = NULL;
	}
	part_ended(part->order, result, err, "GitHub does not say who may write");
}

static void ask_person(struct github_order *order, size_t index)
{
	const char *name = order->request.people[index];

	if (!github_login_is_valid(name) || str_ends(name, "[bot]"))
		return;
	github_client_ask(order->host->client,
		&(struct github_ask){ .method = "GET",
			.path = order_path(order, "/repos/%s/collaborators/%s/permission",
				order->request.repo, name),
			.repo = order->request.repo },
		on_person, part_new(order, index));
}

/* ---- teams ---- */

static bool is_listed(const json_t *members, const char *person)
{
	const json_t *member;
	size_t i;

	json_array_foreach ((json_t *)(uintptr_t)members, i, member) {
		if (strcasecmp(github_text(member, "login"), person) == 0)
			return true;
	}
	return false;
}

static void on_team(void *owner, const struct github_result *result, const struct err *err)
{
	struct facts_part *part = owner;
	struct github_order *order = part->order;
	size_t count = order->request.person_count;
	struct err unknown;

	for (size_t i = 0; err == NULL && i < count; i++)
		order->facts.members[part->index * count + i].is_member =
			is_listed(result->json, order->request.people[i]) ? WORD_YES : WORD_NO;
	if (err != NULL && result->status == 404) {
		err_class_set(&unknown, ERR_MISSING, ERR_CLASS_CONFIG,
			"GitHub knows no team %s, or does not show it to us: check its name, and "
			"that the credential may read members of the organisation",
			order->request.teams[part->index]);
		err = &unknown;
	}
	part_ended(order, result, err, "GitHub does not say who is in a team");
}

/* "platform" of the owner of the repository, or "acme/platform". GitHub lists those of the teams
 * below it too, and nobody who was invited and has not said yes. */
static void ask_team(struct github_order *order, size_t index)
{
	const char *repo = order->request.repo, *team = order->request.teams[index];
	const char *slash = strchr(team, '/');
	const char *owner = slash == NULL ? repo : team;
	const char *slug = slash == NULL ? team : slash + 1;

	if (!github_login_is_valid(slug) || (slash != NULL && !github_repo_is_valid(team)))
		return; /* GitHub has none of that name: not known */
	github_client_ask(order->host->client,
		&(struct github_ask){ .method = "GET",
			.path = order_path(order, "/orgs/%.*s/teams/%s/members?per_page=100",
				(int)strcspn(owner, "/"), owner, slug),
			.repo = repo,
			.all_pages = true },
		on_team, part_new(order, index));
}

/* ---- mergeable ---- */

static void ask_query(struct github_order *order, json_t *query, github_answer_cb cb)
{
	_cleanup_free_ char *text = jsonx_text(query);

	json_decref(query);
	github_client_ask(order->host->client,
		&(struct github_ask){ .method = "POST", .repo = order->request.repo, .body = text },
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

static void mergeable_ended(
	struct github_order *order, const struct github_result *result, const struct err *err)
{
	if (err != NULL)
		order->facts.mergeable_why = arena_strdup(&order->arena, err->text);
	part_ended(order, result, err, "GitHub does not say what it takes to merge");
}

static void take_verdict(struct github_order *order, const struct github_mergeable *verdict)
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

static void take_labels(struct github_order *order, const json_t *answer)
{
	const json_t *labels = github_at(answer, "data.repository.pullRequest.labels.nodes"), *one;
	struct host_facts *facts = &order->facts;
	size_t i;

	facts->has_labels = json_is_array(labels); /* GitHub allows 100 */
	json_array_foreach ((json_t *)(uintptr_t)labels, i, one) {
		facts->labels = arena_push(
			&order->arena, facts->labels, facts->label_count, sizeof(*facts->labels));
		facts->labels[facts->label_count++] = arena_strdup(
			&order->arena, github_text(one, "name"));
	}
}

static void on_repo_id(void *owner, const struct github_result *result, const struct err *err);

static void judge(struct github_order *order)
{
	const json_t *answer = json_object_get(order->kept, "answer");
	json_t *ids = json_object_get(order->kept, "ids");
	struct github_mergeable verdict;
	struct err err;
	int r = github_mergeable_read(
		answer, order->request.context, ids, &order->arena, &verdict, &err);

	if (r == 0 && verdict.needs_repo != NULL &&
		(!github_repo_is_valid(verdict.needs_repo) || json_object_size(ids) >= REPOS_MAX))
		r = err_set(&err, ERR_LIMIT, "too many repositories hold required workflows");
	if (r == 0 && verdict.needs_repo != NULL) {
		json_object_set_new(order->kept, "asked", json_string(verdict.needs_repo));
		ask_query(order, repo_query(verdict.needs_repo), on_repo_id);
		return;
	}
	if (r == 0) {
		take_verdict(order, &verdict);
		take_labels(order, answer);
	}
	mergeable_ended(order, &(struct github_result){ 0 }, r < 0 ? &err : NULL);
}

static void on_repo_id(void *owner, const struct github_result *result, const struct err *err)
{
	struct github_order *order = owner;
	int64_t id = github_number(result->json, "data.repository.databaseId");

	if (err != NULL) {
		mergeable_ended(order, result, err);
		return;
	}
	/* -1: nobody has that number, and nobody asks again */
	json_object_set_new(json_object_get(order->kept, "ids"), github_text(order->kept, "asked"),
		json_integer(id > 0 ? id : -1));
	judge(order);
}

static void on_mergeable(void *owner, const struct github_result *result, const struct err *err)
{
	struct github_order *order = owner;
	json_t *whole = json_object_get(order->kept, "answer");
	const char *rules = "", *checks = "";
	struct err more;

	if (err != NULL) {
		mergeable_ended(order, result, err);
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
		mergeable_ended(order, result, &more);
	} else {
		ask_query(order, mergeable_query(&order->request, rules, checks), on_mergeable);
	}
}

/* ---- all of them at once ---- */

static void facts_prepare(struct github_order *order)
{
	const struct host_request *request = &order->request;
	struct host_facts *facts = &order->facts;
	size_t pairs = request->person_count * request->team_count;

	facts->mergeable_why = "";
	facts->people = arena_alloc(
		&order->arena, (request->person_count + 1) * sizeof(*facts->people));
	facts->members = arena_alloc(&order->arena, (pairs + 1) * sizeof(*facts->members));
	facts->person_count = request->person_count;
	facts->member_count = pairs;
	for (size_t i = 0; i < request->person_count; i++)
		facts->people[i] = (struct host_person){ .name = request->people[i] };
	for (size_t i = 0; i < pairs; i++)
		facts->members[i] =
			(struct host_member){ .team = request->teams[i / request->person_count],
				.person = request->people[i % request->person_count] };
}

void facts_read(struct github_order *order)
{
	const struct host_request *request = &order->request;

	facts_prepare(order);
	order->kept = json_pack("{s:{}}", "ids");
	order->open_calls = 1; /* what is mergeable; it also holds the order until all is asked */
	for (size_t i = 0; i < request->person_count; i++)
		ask_person(order, i);
	for (size_t i = 0; request->person_count > 0 && i < request->team_count; i++)
		ask_team(order, i);
	ask_query(order, mergeable_query(request, "", ""), on_mergeable);
}
