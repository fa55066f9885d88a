/* Questions to a host, one after the other. */
#include "vcs/web/web_doctor.h"
#include "orchestrator/lib/codec.h"
#include "orchestrator/lib/glob.h"
#include "orchestrator/lib/strbuf.h"
#include "vcs/web/web_inside.h"
#include "vcs/web/web_names.h"
#include "vcs/web/web_private.h"
#include <inttypes.h>
#include <string.h>

enum { PATIENCE_MS = 15000, REPOS_MAX = 5 };

struct doctor {
	const struct web_doctor_options *options;
	struct loop *loop;
	struct web_host *host;
	struct arena arena;
	/* of the last question */
	int status;
	json_t *answer;
	const char *problem; /* or NULL */
	bool is_answered;
};

static void say(struct doctor *doctor, const char *what, bool is_fine, const char *detail,
	const char *remedy)
{
	doctor->options->cb(doctor->options->owner, &(struct host_finding){ .what = what,
							    .is_fine = is_fine,
							    .detail = detail,
							    .remedy = is_fine ? "" : remedy });
}

static void on_answer(void *owner, const struct web_result *result, const struct err *err)
{
	struct doctor *doctor = owner;

	doctor->status = result->status;
	doctor->answer = result->json == NULL ? NULL : json_deep_copy(result->json);
	doctor->problem = err == NULL ? NULL : arena_strdup(&doctor->arena, err->text);
	doctor->is_answered = true;
	loop_stop(doctor->loop);
}

/* The status; the answer stays until the next question. `repo` NULL: the App itself asks. */
static int ask(struct doctor *doctor, const char *method, const char *path, const char *repo,
	const char *body)
{
	json_decref(doctor->answer);
	doctor->answer = NULL;
	doctor->is_answered = false;
	web_client_ask(doctor->host->client,
		&(struct web_ask){ .method = method, .path = path, .repo = repo, .body = body },
		on_answer, doctor);
	if (!doctor->is_answered)
		loop_run(doctor->loop);
	return doctor->status;
}

static const char *text(const struct doctor *doctor, const char *path)
{
	return web_text(doctor->answer, path);
}

static bool has_word(const json_t *list, const char *word)
{
	size_t i;
	json_t *one;

	json_array_foreach (list, i, one) {
		if (str_equal(json_string_value(one), word))
			return true;
	}
	return false;
}

static const char *with(struct doctor *doctor, const char *before, const char *word)
{
	return arena_printf(&doctor->arena, "%s%s%s", before, before[0] == '\0' ? "" : ", ", word);
}

/* ---- an App ---- */

static const struct {
	const char *what, *level;
} app_needs[] = {
	{ "contents", "read" },
	{ "pull_requests", "write" },
	{ "checks", "write" },
	{ "metadata", "read" },
};

static const char *const app_events[] = { "pull_request", "pull_request_review", "issue_comment",
	"check_run" };

static const char *missing_rights(struct doctor *doctor, const json_t *permissions)
{
	const char *missing = "";

	for (size_t i = 0; i < countof(app_needs); i++) {
		const char *has = web_text(permissions, app_needs[i].what);

		if (!str_equal(has, app_needs[i].level) && !str_equal(has, "write") &&
			!str_equal(has, "admin"))
			missing = with(doctor, missing,
				arena_printf(&doctor->arena, "%s: %s", app_needs[i].what,
					app_needs[i].level));
	}
	return missing;
}

static void look_at_app(struct doctor *doctor)
{
	const char *page, *lacking, *unheard = "";
	bool is_fine;

	if (ask(doctor, "GET", "/app", NULL, NULL) != 200)
		return; /* that we are not known has been said */
	page = arena_strdup(&doctor->arena, text(doctor, "html_url"));
	lacking = missing_rights(doctor, web_at(doctor->answer, "permissions"));
	for (size_t i = 0; i < countof(app_events); i++) {
		if (!has_word(web_at(doctor->answer, "events"), app_events[i]))
			unheard = with(doctor, unheard, app_events[i]);
	}
	is_fine = lacking[0] == '\0' && unheard[0] == '\0';
	say(doctor, "App", is_fine,
		is_fine ? "it has the rights it needs and hears the events it needs"
			: arena_printf(&doctor->arena, "missing rights: %s; missing events: %s",
				  lacking[0] == '\0' ? "none" : lacking,
				  unheard[0] == '\0' ? "none" : unheard),
		arena_printf(&doctor->arena,
			"at %s, Permissions & events: add them; then each owner accepts the new "
			"rights",
			page));
}

static void look_at_installations(struct doctor *doctor)
{
	const char *bad = "", *names = "";
	size_t i;
	json_t *one;

	if (ask(doctor, "GET", "/app/installations?per_page=100", NULL, NULL) != 200)
		return;
	json_array_foreach (doctor->answer, i, one) {
		const char *owner = web_text(one, "account.login");

		names = with(doctor, names, owner);
		if (json_is_string(web_at(one, "suspended_at")))
			bad = with(doctor, bad,
				arena_printf(&doctor->arena, "%s is suspended", owner));
		else if (missing_rights(doctor, web_at(one, "permissions"))[0] != '\0')
			bad = with(doctor, bad,
				arena_printf(&doctor->arena, "%s has not accepted %s", owner,
					missing_rights(doctor, web_at(one, "permissions"))));
	}
	if (json_array_size(doctor->answer) == 0)
		bad = "it is installed nowhere";
	say(doctor, "installations", bad[0] == '\0', bad[0] == '\0' ? names : bad,
		"an owner does this in Settings, GitHub Apps, Configure");
}

/* ---- webhooks ---- */

static bool is_our_hook(const struct doctor *doctor, const char *url)
{
	return str_ends(url, arena_printf((struct arena *)(uintptr_t)&doctor->arena, "/events/%s",
				     doctor->options->settings->name));
}

static const char hook_remedy[] =
	"can the host reach that address, is it ours, and does the secret fit? Its page of recent "
	"deliveries shows what it got";

static void look_at_deliveries(struct doctor *doctor)
{
	const char *url;
	const json_t *last;
	int64_t code;

	if (ask(doctor, "GET", "/app/hook/config", NULL, NULL) != 200)
		return;
	url = arena_strdup(&doctor->arena, text(doctor, "url"));
	if (!is_our_hook(doctor, url)) {
		say(doctor, "webhook", false,
			arena_printf(&doctor->arena, "the App's webhook goes to \"%s\"", url),
			arena_printf(&doctor->arena,
				"at the App's page set it to https://YOUR-SERVER/events/%s",
				doctor->options->settings->name));
		return;
	}
	if (ask(doctor, "GET", "/app/hook/deliveries?per_page=1", NULL, NULL) != 200)
		return;
	last = json_array_get(doctor->answer, 0);
	code = web_number(last, "status_code");
	if (last == NULL)
		say(doctor, "webhook", true,
			arena_printf(&doctor->arena, "%s; nothing was delivered yet", url), "");
	else
		say(doctor, "webhook", code >= 200 && code < 300,
			arena_printf(&doctor->arena,
				"%s; the last delivery, %s at %s: %s (%" PRId64 ")", url,
				web_text(last, "event"), web_text(last, "delivered_at"),
				web_text(last, "status"), code),
			hook_remedy);
}

/* Only an administrator's token sees them. */
static void look_at_hooks(struct doctor *doctor, const char *repo, const char *what)
{
	const json_t *ours = NULL;
	size_t i;
	json_t *one;
	int64_t code;
	int status = ask(doctor, "GET",
		arena_printf(&doctor->arena, "/repos/%s/hooks?%s", repo,
			doctor->options->dialect->page_size),
		repo, NULL);

	if (status != 200) {
		say(doctor, what, true,
			"its webhooks are only shown to administrators; look at Settings, Webhooks",
			"");
		return;
	}
	json_array_foreach (doctor->answer, i, one) {
		if (is_our_hook(doctor, web_text(one, "config.url")))
			ours = one;
	}
	if (ours == NULL) {
		say(doctor, what, false, "no webhook of it comes to us",
			arena_printf(&doctor->arena,
				"Settings, Webhooks: https://YOUR-SERVER/events/%s, JSON, the "
				"secret; or one of the organisation does it for all",
				doctor->options->settings->name));
		return;
	}
	code = web_number(ours, "last_response.code");
	say(doctor, what, code == 0 || (code >= 200 && code < 300),
		code == 0
			? "its webhook comes to us"
			: arena_printf(&doctor->arena, "its webhook, last answer: %s (%" PRId64 ")",
				  web_text(ours, "last_response.message"), code),
		hook_remedy);
}

/* ---- tokens ---- */

/* Classic tokens tell their scopes; of others each right is tried where nothing can come of it. */
static void look_at_scopes(struct doctor *doctor)
{
	const char *scopes = doctor->host->client->scopes;
	bool has_repo = false, has_teams = false;

	if (scopes == NULL)
		return;
	for (const char *word = scopes; *word != '\0'; word += strspn(word, ", ")) {
		size_t length = strcspn(word, ", ");

		has_repo |= length == strlen("repo") && str_starts(word, "repo");
		has_teams |= length > 4 && strncmp(word + length - 4, ":org", 4) == 0;
		word += length;
	}
	say(doctor, "token", has_repo,
		arena_printf(&doctor->arena, "scopes: %s%s", scopes[0] == '\0' ? "none" : scopes,
			has_repo && !has_teams ? "; without read:org it cannot see teams" : ""),
		"make a token with the scope repo, and read:org where rules name teams; or a "
		"GitHub App, which may do less: sluice github-app");
}

static const struct probe {
	const char *method, *path, *body, *right;
} probes[] = {
	{ "GET", "/repos/%s/pulls?per_page=1", NULL, "Pull requests: read" },
	/* of a commit that cannot be: allowed is 422, not allowed is 403 */
	{ "POST", "/repos/%s/statuses/0000000000000000000000000000000000000000",
		"{\"state\":\"pending\",\"context\":\"sluice/doctor\"}", "Commit statuses: write" },
};

static void try_rights(struct doctor *doctor, const char *repo)
{
	const char *missing = "";

	for (size_t i = 0; i < countof(probes); i++) {
		_cleanup_strbuf_ struct strbuf path = STRBUF(1024);
		const char *mark = strstr(probes[i].path, "%s");
		int status;

		strbuf_append(&path, probes[i].path, (size_t)(mark - probes[i].path));
		strbuf_puts(&path, repo);
		strbuf_puts(&path, mark + 2);
		status = ask(doctor, probes[i].method, strbuf_text(&path), repo, probes[i].body);
		if (status == 403 || status == 404 || status == 401)
			missing = with(doctor, missing, probes[i].right);
	}
	say(doctor, arena_printf(&doctor->arena, "rights in %s", repo), missing[0] == '\0',
		missing[0] == '\0' ? "pull requests can be read and statuses written"
				   : arena_printf(&doctor->arena, "missing: %s", missing),
		"give the token these for this repository (vcs/README.md has the whole list)");
}

/* Of the answer that describes the repository. */
static void look_at_rank(struct doctor *doctor, const char *repo)
{
	bool is_admin = json_is_true(web_at(doctor->answer, "permissions.admin"));

	say(doctor, arena_printf(&doctor->arena, "rights in %s", repo), is_admin,
		is_admin ? "the token's user is an administrator, and may ask who may write"
			 : "the token's user is no administrator of it, and nobody else is told "
			   "who may write: no command is obeyed",
		"add that user to the collaborators, with administrator access");
}

/* ---- rules of branches ---- */

static bool is_sent(const struct doctor *doctor, const char *context)
{
	static const char *const kinds[] = { "plan", "apply" };
	size_t length = strlen(doctor->options->status_prefix);

	for (size_t i = 0; i < countof(kinds); i++) {
		if (strncmp(context, doctor->options->status_prefix, length) == 0 &&
			context[length] == '/' && str_equal(context + length + 1, kinds[i]))
			return true;
	}
	return false;
}

/* Names that somebody meant for us, and that no one will ever send. */
static bool is_meant_for_us(const struct doctor *doctor, const char *context)
{
	static const char *const words[] = { "sluice", "atlantis" };
	bool is_ours = str_starts(context, doctor->options->status_prefix);

	for (size_t i = 0; i < countof(words); i++)
		is_ours |= strncasecmp(context, words[i], strlen(words[i])) == 0;
	return is_ours && !is_sent(doctor, context);
}

struct rules {
	const char *wrong; /* contexts that nobody sends */
	bool has_apply;
};

static void take_context(struct doctor *doctor, struct rules *rules, const char *context)
{
	if (is_meant_for_us(doctor, context))
		rules->wrong = with(doctor, rules->wrong, context);
	rules->has_apply |= is_sent(doctor, context) && str_ends(context, "/apply");
}

static void look_at_rules(struct doctor *doctor, const char *repo, const char *branch)
{
	struct rules rules = { .wrong = "" };
	_cleanup_free_ char *word = codec_url_word(branch);
	const char *path = arena_printf(&doctor->arena, "/repos/%s/branches/%s", repo, word);
	size_t i, j;
	json_t *one, *context;

	if (ask(doctor, "GET", path, repo, NULL) == 200) {
		json_array_foreach (
			web_at(doctor->answer, doctor->options->dialect->branch_contexts), i, one)
			take_context(doctor, &rules, json_string_value(one));
	}
	path = arena_printf(&doctor->arena, "/repos/%s/rules/branches/%s", repo, word);
	if (doctor->options->dialect->has_rulesets && ask(doctor, "GET", path, repo, NULL) == 200) {
		json_array_foreach (doctor->answer, i, one) {
			json_array_foreach (
				web_at(one, "parameters.required_status_checks"), j, context)
				take_context(doctor, &rules, web_text(context, "context"));
		}
	}
	say(doctor, arena_printf(&doctor->arena, "rules of %s", repo), rules.wrong[0] == '\0',
		rules.wrong[0] != '\0'
			? arena_printf(&doctor->arena,
				  "%s waits for %s, which nobody sends: nothing can be merged",
				  branch, rules.wrong)
		: rules.has_apply
			? arena_printf(&doctor->arena, "%s is merged after the apply", branch)
			: arena_printf(&doctor->arena,
				  "%s can be merged without an apply: no rule requires %s/apply",
				  branch, doctor->options->status_prefix),
		arena_printf(&doctor->arena,
			"in the rules of the branch require %s/plan and %s/apply",
			doctor->options->status_prefix, doctor->options->status_prefix));
}

/* ---- one repository ---- */

static void look_at_repo(struct doctor *doctor, const char *repo)
{
	bool is_app = web_client_is_app(doctor->host->client);
	const char *branch;

	if (ask(doctor, "GET", arena_printf(&doctor->arena, "/repos/%s", repo), repo, NULL) !=
		200) {
		say(doctor, repo, false,
			doctor->problem == NULL ? "it is not shown to us" : doctor->problem,
			is_app ? "add it to the App's installation of that owner"
			       : "invite the token's user, and give the token this repository");
		return;
	}
	branch = arena_strdup(&doctor->arena, text(doctor, "default_branch"));
	if (doctor->options->dialect->asks_as_admin)
		look_at_rank(doctor, repo);
	if (!is_app) {
		if (doctor->host->client->scopes == NULL &&
			!doctor->options->dialect->asks_as_admin)
			try_rights(doctor, repo);
		look_at_hooks(doctor, repo, arena_printf(&doctor->arena, "webhook of %s", repo));
	}
	if (web_ref_is_valid(branch))
		look_at_rules(doctor, repo, branch);
}

static void look_at_repos(struct doctor *doctor)
{
	const struct host_settings *settings = doctor->options->settings;
	size_t prefix = strlen(settings->name), looked = 0;

	if (doctor->options->repo != NULL) {
		look_at_repo(doctor, doctor->options->repo);
		return;
	}
	for (size_t i = 0; i < settings->repos.count && looked < REPOS_MAX; i++) {
		const char *name = settings->repos.list[i];

		if (name[0] == '!' || glob_is_pattern(name) ||
			strncmp(name, settings->name, prefix) != 0 || name[prefix] != '/' ||
			!doctor->options->dialect->repo_is_valid(name + prefix + 1))
			continue;
		look_at_repo(doctor, name + prefix + 1);
		looked++;
	}
	if (looked == 0)
		say(doctor, "repositories", true,
			"the allow list has only patterns; --repo OWNER/NAME looks at one", "");
}

/* ---- life ---- */

static void on_known(void *owner, _unused_ const char *login)
{
	struct doctor *doctor = owner;

	doctor->is_answered = true;
	loop_stop(doctor->loop);
}

static void on_problem(
	void *owner, _unused_ bool is_problem, _unused_ const char *what, const struct err *err)
{
	struct doctor *doctor = owner;

	doctor->problem = err == NULL ? "no answer" : arena_strdup(&doctor->arena, err->text);
	on_known(owner, "");
}

static void on_late(void *owner)
{
	on_problem(owner, true, "", NULL);
}

static void examine(struct doctor *doctor)
{
	if (web_client_is_app(doctor->host->client)) {
		look_at_app(doctor);
		look_at_installations(doctor);
		look_at_deliveries(doctor);
	} else {
		look_at_scopes(doctor);
	}
	look_at_repos(doctor);
}

int web_doctor(const struct web_doctor_options *options, struct err *err)
{
	struct doctor doctor = { .options = options, .loop = loop_new() };
	struct host_settings asking = *options->settings;
	struct loop_timer *late = loop_timer_new(doctor.loop, on_late, &doctor);
	struct web_host_options made = { .dialect = options->dialect,
		.verbs = options->verbs,
		.loop = doctor.loop,
		.clock = &clock_system,
		.settings = &asking,
		.tell = on_problem,
		.known = on_known,
		.owner = &doctor };
	int r;

	asking.user = ""; /* to be told, not to be believed */
	r = web_host_new(&made, &doctor.host, err);
	if (r == 0) {
		loop_timer_arm(late, PATIENCE_MS);
		if (!doctor.is_answered)
			loop_run(doctor.loop);
		loop_timer_disarm(late);
		if (doctor.problem == NULL) /* else the host's own row has said it */
			examine(&doctor);
		web_host_port(doctor.host)->free(web_host_port(doctor.host));
	}
	json_decref(doctor.answer);
	loop_timer_free(late);
	loop_free(doctor.loop);
	arena_release(&doctor.arena);
	return r;
}
