/* What the gates want to know of a host: who may write, who is in a team, and whether it would let
 * a pull request be merged. Everything is asked at once. */
#include "orchestrator/lib/jsonx.h"
#include "vcs/web/web_inside.h"
#include "vcs/web/web_names.h"
#include <string.h>

struct facts_part *facts_part_new(struct web_order *order, size_t index)
{
	struct facts_part *part = arena_alloc(&order->arena, sizeof(*part));

	*part = (struct facts_part){ .order = order, .index = index };
	order->open_calls++;
	return part;
}

void facts_part_ended(struct web_order *order, const struct web_result *result,
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

static void on_person(void *owner, const struct web_result *result, const struct err *err)
{
	struct facts_part *part = owner;
	struct host_person *person = &part->order->facts.people[part->index];

	if (err == NULL) {
		person->may_write = web_may_write(result->json) ? WORD_YES : WORD_NO;
	} else if (result->status == 404) { /* nobody whom the repository knows */
		person->may_write = WORD_NO;
		err = NULL;
	}
	facts_part_ended(part->order, result, err, "a host does not say who may write");
}

static void ask_person(struct web_order *order, size_t index)
{
	const char *name = order->request.people[index];

	if (!order->host->site.dialect->login_is_valid(name) || str_ends(name, "[bot]"))
		return;
	web_client_ask(order->host->client,
		&(struct web_ask){ .method = "GET",
			.path = order_path(order, "/repos/%s/collaborators/%s/permission",
				order->request.repo, name),
			.repo = order->request.repo },
		on_person, facts_part_new(order, index));
}

/* ---- teams ---- */

static bool is_listed(const json_t *members, const char *person)
{
	const json_t *member;
	size_t i;

	json_array_foreach ((json_t *)(uintptr_t)members, i, member) {
		if (strcasecmp(web_text(member, "login"), person) == 0)
			return true;
	}
	return false;
}

void facts_on_team(void *owner, const struct web_result *result, const struct err *err)
{
	struct facts_part *part = owner;
	struct web_order *order = part->order;
	size_t count = order->request.person_count;
	struct err unknown;

	for (size_t i = 0; err == NULL && i < count; i++)
		order->facts.members[part->index * count + i].is_member =
			is_listed(result->json, order->request.people[i]) ? WORD_YES : WORD_NO;
	if (err != NULL && result->status == 404) {
		err_class_set(&unknown, ERR_MISSING, ERR_CLASS_CONFIG,
			"%s knows no team %s, or does not show it to us: check its name, and "
			"that the credential may read members of the organisation",
			order->host->site.dialect->title, order->request.teams[part->index]);
		err = &unknown;
	}
	facts_part_ended(order, result, err, "a host does not say who is in a team");
}

/* "platform" of the owner of the repository, or "acme/platform". */
static void ask_team(struct web_order *order, size_t index)
{
	const struct web_dialect *dialect = order->host->site.dialect;
	const char *repo = order->request.repo, *team = order->request.teams[index];
	const char *slash = strchr(team, '/');
	const char *owner = slash == NULL ? repo : team;
	const char *name = slash == NULL ? team : slash + 1;

	if (!dialect->login_is_valid(name) || (slash != NULL && !dialect->repo_is_valid(team)))
		return; /* no host has one of that name: not known */
	order->host->verbs->ask_team(facts_part_new(order, index),
		arena_strndup(&order->arena, owner, strcspn(owner, "/")), name);
}

/* ---- rules ---- */

void facts_rules_ended(
	struct web_order *order, const struct web_result *result, const struct err *err)
{
	if (err != NULL)
		order->facts.mergeable_why = arena_strdup(&order->arena, err->text);
	facts_part_ended(order, result, err, "a host does not say what it takes to merge");
}

void facts_take_labels(struct web_order *order, const json_t *labels)
{
	struct host_facts *facts = &order->facts;
	const json_t *one;
	size_t i;

	facts->has_labels = json_is_array(labels);
	json_array_foreach ((json_t *)(uintptr_t)labels, i, one) {
		facts->labels = arena_push(
			&order->arena, facts->labels, facts->label_count, sizeof(*facts->labels));
		facts->labels[facts->label_count++] = arena_strdup(
			&order->arena, web_text(one, "name"));
	}
}

/* ---- all of them at once ---- */

static void facts_prepare(struct web_order *order)
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

void facts_read(struct web_order *order)
{
	const struct host_request *request = &order->request;

	facts_prepare(order);
	order->kept = json_object();
	order->open_calls = 1; /* the rules; they also hold the order until all is asked */
	for (size_t i = 0; i < request->person_count; i++)
		ask_person(order, i);
	for (size_t i = 0; request->person_count > 0 && i < request->team_count; i++)
		ask_team(order, i);
	order->host->verbs->ask_rules(order);
}
