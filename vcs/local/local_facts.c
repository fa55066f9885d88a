/* Teams, and what a gate asks about a pull request of the local host. */
#include "vcs/local/local_facts.h"
#include "orchestrator/lib/jsonx.h"
#include "vcs/local/local_door.h"
#include "vcs/local/local_names.h"
#include <string.h>

enum { TEAMS_MAX = 500, MEMBERS_MAX = 2000 };

/* ---- teams ---- */

int local_teams_get(struct local_call *call)
{
	return local_teams_load(call->host, &call->answer, call->err);
}

static bool is_member(const json_t *team, const char *person)
{
	for (size_t i = 0; i < json_array_size(team); i++) {
		if (strcasecmp(json_string_value(json_array_get(team, i)), person) == 0)
			return true;
	}
	return false;
}

static void remove_member(json_t *team, const char *person)
{
	for (size_t i = json_array_size(team); i-- > 0;) {
		if (strcasecmp(json_string_value(json_array_get(team, i)), person) == 0)
			json_array_remove(team, i);
	}
}

/* A team that nobody is in stays: that it is empty is known. */
static int team_change(struct local_call *call, json_t *teams, const char *name, const char *person,
	bool is_removed)
{
	json_t *team = json_object_get(teams, name);

	if (is_removed && !is_member(team, person))
		return err_user(call->err, ERR_MISSING, "%s is not in %s", person, name);
	if (is_removed) {
		remove_member(team, person);
		return 0;
	}
	if (team == NULL && json_object_size(teams) >= TEAMS_MAX)
		return err_user(call->err, ERR_LIMIT, "more than %d teams", TEAMS_MAX);
	if (team == NULL) {
		team = json_array();
		json_object_set_new(teams, name, team);
	}
	if (json_array_size(team) >= MEMBERS_MAX)
		return err_user(
			call->err, ERR_LIMIT, "more than %d people in one team", MEMBERS_MAX);
	if (!is_member(team, person))
		json_array_append_new(team, json_string(person));
	return 0;
}

int local_teams_post(struct local_call *call)
{
	struct jsonx reader = jsonx_reader(call->body, "the request", call->err);
	const char *name = jsonx_string(&reader, "team");
	bool is_removed = jsonx_bool_or(&reader, "remove", false);
	_cleanup_json_ json_t *teams = NULL;
	struct local_person ignored;
	const char *person;
	int r = reader.failed;

	if (r == 0 && !local_person_is_valid(name))
		return err_user(call->err, ERR_USAGE, "that is not the name of a team");
	if (r == 0)
		r = local_speaker(call, "person", &person, &ignored);
	if (r == 0)
		r = local_teams_load(call->host, &teams, call->err);
	if (r == 0)
		r = team_change(call, teams, name, person, is_removed);
	if (r == 0)
		r = local_teams_store(call->host, teams, call->err);
	if (r == 0)
		call->answer = steal_ptr(teams);
	return r;
}

/* ---- facts ---- */

/* By our own rules: somebody's last word is an approval, and nobody's asks for changes. */
static enum host_word is_approved(const json_t *pull)
{
	const json_t *reviews = json_object_get(pull, "reviews");
	enum host_word word = WORD_NO;

	for (size_t i = 0; i < json_array_size(reviews); i++) {
		const char *author = local_text(json_array_get(reviews, i), "author");
		const char *state = local_text(json_array_get(reviews, i), "state");
		bool is_last = true;

		for (size_t k = i + 1; k < json_array_size(reviews); k++)
			is_last = is_last &&
				  !str_equal(
					  author, local_text(json_array_get(reviews, k), "author"));
		if (is_last && str_equal(state, "changes_requested"))
			return WORD_NO;
		if (is_last && str_equal(state, "approved"))
			word = WORD_YES;
	}
	return word;
}

static int add_person(struct local_host *host, const struct host_request *request, size_t i,
	const json_t *teams, struct host_facts *facts, struct err *err)
{
	const char *name = request->people[i];
	struct local_person person;
	int r = local_person_find(host, name, &person, err);

	if (r < 0)
		return r;
	facts->people[facts->person_count++] = (struct host_person){ name,
		person.may_write ? WORD_YES : WORD_NO };
	for (size_t k = 0; k < request->team_count; k++) {
		const char *slash = strrchr(request->teams[k], '/'); /* "@org/team" of CODEOWNERS */
		const json_t *team = json_object_get(
			teams, slash == NULL ? request->teams[k] : slash + 1);

		facts->members[facts->member_count++] = (struct host_member){ request->teams[k],
			name,
			team == NULL		? WORD_UNKNOWN
			: is_member(team, name) ? WORD_YES
						: WORD_NO };
	}
	return 0;
}

int local_facts_read(struct local_host *host, const struct host_request *request,
	struct arena *arena, struct host_facts *ret, struct err *err)
{
	_cleanup_json_ json_t *pull = NULL, *teams = NULL;
	size_t pairs = request->person_count * request->team_count;
	const json_t *labels;
	int r = local_pull_load(host, request->number, &pull, err);

	if (r == 0)
		r = local_teams_load(host, &teams, err);
	if (r < 0)
		return r;
	/* conflicts are git's to find, and no plan comes of them */
	labels = json_object_get(pull, "labels");
	*ret = (struct host_facts){ .mergeable = WORD_YES,
		.mergeable_why = "",
		.approved = is_approved(pull),
		.has_labels = true,
		.labels = arena_alloc(arena, (json_array_size(labels) + 1) * sizeof(*ret->labels)),
		.people = arena_alloc(arena, (request->person_count + 1) * sizeof(*ret->people)),
		.members = arena_alloc(arena, (pairs + 1) * sizeof(*ret->members)) };
	for (size_t i = 0; i < json_array_size(labels); i++)
		ret->labels[ret->label_count++] = arena_strdup(
			arena, json_string_value(json_array_get(labels, i)));
	for (size_t i = 0; r == 0 && i < request->person_count; i++)
		r = add_person(host, request, i, teams, ret, err);
	return r;
}
