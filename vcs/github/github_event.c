/* Webhooks of GitHub. Must not: read a file, the clock, or decide anything. */
#include "vcs/github/github_event.h"
#include "orchestrator/lib/codec.h"
#include "orchestrator/lib/jsonx.h"
#include "orchestrator/lib/strbuf.h"
#include "orchestrator/model/ids.h"
#include "vcs/github/github_names.h"
#include <inttypes.h>
#include <string.h>

/* The account that GitHub shows where one was deleted; nobody can have it. */
static const char nobody[] = "ghost";

/* ---- the signature ---- */

int github_event_verify(const char *const *secrets, const char *signature, const char *body,
	size_t length, struct err *err)
{
	static const char prefix[] = "sha256=";
	struct sha256 given, made;
	bool fits = false;

	if (signature == NULL)
		return err_set(err, ERR_REFUSED, "the delivery has no " GITHUB_SIGNATURE_HEADER);
	if (!str_starts(signature, prefix) ||
		strlen(signature) != strlen(prefix) + 2 * sizeof(given.bytes) ||
		!codec_unhex(signature + strlen(prefix), 2 * sizeof(given.bytes), given.bytes))
		return err_set(err, ERR_REFUSED,
			"the " GITHUB_SIGNATURE_HEADER " is not sha256= and 64 digits");
	for (; *secrets != NULL; secrets++) {
		codec_hmac_sha256(*secrets, strlen(*secrets), body, length, &made);
		fits |= codec_equal(given.bytes, made.bytes, sizeof(given.bytes));
	}
	return fits ? 0 : err_set(err, ERR_REFUSED, "no secret of ours made this signature");
}

/* ---- values ---- */

const json_t *github_at(const json_t *json, const char *path)
{
	while (json != NULL && *path != '\0') {
		size_t length = strcspn(path, ".");

		json = json_object_getn(json, path, length);
		path += length;
		path += *path == '.';
	}
	return json;
}

const char *github_text(const json_t *json, const char *path)
{
	const char *text = json_string_value(github_at(json, path));

	return text == NULL ? "" : text;
}

int64_t github_number(const json_t *json, const char *path)
{
	return json_integer_value(github_at(json, path)); /* 0 when it is none */
}

struct reading {
	const struct github_site *site;
	const json_t *body;
	struct arena *arena;
	struct vcs_event *event;
	struct err *err;
};

static int malformed(struct err *err, const char *what)
{
	return err_set(err, ERR_SYNTAX, "the event has no usable %s", what);
}

static int ignore(struct reading *reading, const char *why)
{
	reading->event->kind = VCS_IGNORED;
	reading->event->ignored_why = why;
	return 0;
}

/* A title is one line of text whatever stands in it. */
static const char *one_line(const char *text, struct arena *arena)
{
	size_t length = strnlen(text, GITHUB_TITLE_MAX);
	char *line = arena_strndup(arena, text, codec_utf8_prefix(text, length));

	for (char *c = line; *c != '\0'; c++) {
		if ((unsigned char)*c < ' ' || *c == 0x7f)
			*c = ' ';
	}
	return line;
}

static bool is_ours(const struct github_site *site, const char *login)
{
	return !str_empty(site->login) && strcasecmp(site->login, login) == 0;
}

/* Deleted accounts are null. */
static int person_read(struct reading *reading, const char *path)
{
	const json_t *user = github_at(reading->body, path);
	const char *login = github_text(user, "login");

	if (login[0] == '\0')
		login = nobody;
	if (!github_login_is_valid(login))
		return malformed(reading->err, "name of the person");
	reading->event->actor = arena_strdup(reading->arena, login);
	reading->event->actor_is_bot = str_ends(login, "[bot]") ||
				       str_equal(github_text(user, "type"), "Bot") ||
				       is_ours(reading->site, login);
	return 0;
}

static int repo_read(struct reading *reading)
{
	const char *name = github_text(reading->body, "repository.full_name");

	if (!github_repo_is_valid(name))
		return malformed(reading->err, "repository");
	reading->event->repo = arena_strdup(reading->arena, name);
	reading->event->clone_url = arena_printf(
		reading->arena, "%s/%s.git", reading->site->web_url, name);
	return 0;
}

/* ---- pull requests ---- */

/* A fork that was deleted is null; a repository that is renamed meanwhile keeps its number. */
static bool is_from_fork(const json_t *pull)
{
	const json_t *head = github_at(pull, "head.repo"), *base = github_at(pull, "base.repo");
	int64_t head_id = github_number(head, "id"), base_id = github_number(base, "id");

	if (head_id > 0 && base_id > 0)
		return head_id != base_id;
	return !str_equal(github_text(head, "full_name"), github_text(base, "full_name")) ||
	       github_text(head, "full_name")[0] == '\0';
}

int github_pull_read(const struct github_site *site, const json_t *pull, struct arena *arena,
	struct vcs_event *ret, struct err *err)
{
	const char *author = github_text(pull, "user.login");
	const char *head = github_text(pull, "head.sha"), *base = github_text(pull, "base.ref");

	ret->host = site->host;
	ret->number = github_number(pull, "number");
	if (ret->number <= 0 || ret->number > INT32_MAX)
		return malformed(err, "number of the pull request");
	if (!codec_is_hex(head, OID_HEX))
		return malformed(err, "head commit");
	if (!github_ref_is_valid(base))
		return malformed(err, "base branch");
	if (author[0] == '\0')
		author = nobody;
	if (!github_login_is_valid(author))
		return malformed(err, "author");
	ret->author = arena_strdup(arena, author);
	ret->title = one_line(github_text(pull, "title"), arena);
	ret->head = arena_strdup(arena, head);
	ret->head_ref = arena_printf(arena, "refs/pull/%" PRId64 "/head", ret->number);
	ret->base_ref = arena_strdup(arena, base);
	ret->from_fork = is_from_fork(pull);
	ret->is_draft = json_is_true(github_at(pull, "draft"));
	return 0;
}

static int pull_event_read(struct reading *reading)
{
	int r = github_pull_read(reading->site, github_at(reading->body, "pull_request"),
		reading->arena, reading->event, reading->err);

	if (r == 0)
		r = repo_read(reading);
	return r < 0 ? r : person_read(reading, "sender");
}

static int closed_read(struct reading *reading)
{
	if (json_is_true(github_at(reading->body, "pull_request.merged")))
		reading->event->kind = VCS_PULL_MERGED;
	return pull_event_read(reading);
}

static int edited_read(struct reading *reading)
{
	if (!json_is_object(github_at(reading->body, "changes.base")))
		return ignore(reading, "the title or the text was edited");
	return pull_event_read(reading);
}

/* ---- comments and reviews ---- */

static int id_read(struct reading *reading, const char *path)
{
	int64_t id = github_number(reading->body, path);

	if (id <= 0)
		return malformed(reading->err, "number of the comment or review");
	reading->event->comment_id = arena_printf(reading->arena, "%" PRId64, id);
	return 0;
}

/* Says nothing of heads and branches: what is missing is asked for when it is needed. */
static int comment_read(struct reading *reading)
{
	struct vcs_event *event = reading->event;
	const json_t *issue = github_at(reading->body, "issue");
	int r;

	if (!json_is_object(github_at(issue, "pull_request")))
		return ignore(reading, "a comment on an issue");
	event->host = reading->site->host;
	event->number = github_number(issue, "number");
	if (event->number <= 0 || event->number > INT32_MAX)
		return malformed(reading->err, "number of the pull request");
	event->title = one_line(github_text(issue, "title"), reading->arena);
	event->body = arena_strdup(reading->arena, github_text(reading->body, "comment.body"));
	event->author = event->head = event->head_ref = event->base_ref = "";
	event->is_partial = true;
	r = id_read(reading, "comment.id");
	if (r == 0)
		r = repo_read(reading);
	return r < 0 ? r : person_read(reading, "comment.user");
}

static int review_read(struct reading *reading)
{
	static const struct {
		const char *state;
		enum vcs_event_kind kind;
	} states[] = {
		{ "approved", VCS_APPROVED },
		{ "changes_requested", VCS_CHANGES_REQUESTED },
	};
	const char *state = github_text(reading->body, "review.state");
	const char *commit = github_text(reading->body, "review.commit_id");
	struct vcs_event *event = reading->event;
	bool matters = event->kind == VCS_REVIEW_DISMISSED;
	int r;

	for (size_t i = 0; !matters && i < countof(states); i++) {
		matters = strcasecmp(state, states[i].state) == 0;
		if (matters)
			event->kind = states[i].kind;
	}
	if (!matters)
		return ignore(reading, "a review that is only a comment");
	r = pull_event_read(reading);
	if (r == 0)
		r = id_read(reading, "review.id");
	if (r == 0)
		r = person_read(reading, "review.user");
	if (r < 0)
		return r;
	if (commit[0] != '\0' && !codec_is_hex(commit, OID_HEX))
		return malformed(reading->err, "commit of the review");
	event->review_head = arena_strdup(reading->arena, commit);
	event->body = "";
	event->is_partial = event->kind != VCS_REVIEW_DISMISSED;
	return 0;
}

/* ---- checks ---- */

/* The number stands in our own mark; what GitHub lists is empty for pull requests of forks. */
static int rerun_read(struct reading *reading, const char *what)
{
	static const char mark[] = "sluice:";
	const json_t *check = github_at(reading->body, what);
	const char *ours = github_text(check, "external_id");
	const json_t *first = json_array_get(github_at(check, "pull_requests"), 0);
	struct vcs_event *event = reading->event;
	int r;

	event->number = str_starts(ours, mark) ? strtol(ours + strlen(mark), NULL, 10)
					       : github_number(first, "number");
	if (event->number <= 0 || event->number > INT32_MAX)
		return ignore(reading, "a check that belongs to no pull request");
	event->host = reading->site->host;
	event->author = event->title = event->head = event->head_ref = event->base_ref = "";
	event->is_partial = true;
	r = repo_read(reading);
	return r < 0 ? r : person_read(reading, "sender");
}

static int check_run_read(struct reading *reading)
{
	return rerun_read(reading, "check_run");
}

static int check_suite_read(struct reading *reading)
{
	return rerun_read(reading, "check_suite");
}

static int button_read(struct reading *reading)
{
	if (!str_equal(github_text(reading->body, "requested_action.identifier"), "plan"))
		return ignore(reading, "a button that is not ours");
	return rerun_read(reading, "check_run");
}

static int ping_read(_unused_ struct reading *reading)
{
	return 0;
}

/* ---- all of them ---- */

static const struct topic {
	const char *name, *action; /* action NULL: any */
	enum vcs_event_kind kind;
	int (*read)(struct reading *reading);
	const char *ignored_why; /* when there is nothing to read */
} topics[] = {
	{ "pull_request", "opened", VCS_PULL_OPENED, pull_event_read },
	{ "pull_request", "synchronize", VCS_PULL_PUSHED, pull_event_read },
	{ "pull_request", "reopened", VCS_PULL_REOPENED, pull_event_read },
	{ "pull_request", "ready_for_review", VCS_PULL_READY, pull_event_read },
	{ "pull_request", "edited", VCS_PULL_RETARGETED, edited_read },
	{ "pull_request", "closed", VCS_PULL_CLOSED, closed_read },
	{ "pull_request", "converted_to_draft", 0, NULL, "a draft keeps the plan it has" },
	{ "pull_request", "labeled", 0, NULL, "no rule looks at labels" },
	{ "pull_request", "unlabeled", 0, NULL, "no rule looks at labels" },
	{ "issue_comment", "created", VCS_COMMENT, comment_read },
	{ "issue_comment", NULL, 0, NULL, "only new comments count" },
	{ "pull_request_review", "submitted", VCS_APPROVED, review_read },
	{ "pull_request_review", "dismissed", VCS_REVIEW_DISMISSED, review_read },
	{ "check_run", "rerequested", VCS_RERUN, check_run_read },
	{ "check_run", "requested_action", VCS_RERUN, button_read },
	{ "check_suite", "rerequested", VCS_RERUN, check_suite_read },
	{ "ping", NULL, VCS_PING, ping_read },
	{ "push", NULL, 0, NULL, "a push is seen at its pull request" },
	{ "installation", NULL, 0, NULL, "installations are looked up when they are needed" },
	{ "installation_repositories", NULL, 0, NULL,
		"installations are looked up when they are needed" },
	{ "merge_group", NULL, 0, NULL, "merge queues are planned as their pull requests were" },
};

static const struct topic *topic_find(const char *name, const char *action)
{
	for (size_t i = 0; i < countof(topics); i++) {
		if (strcmp(topics[i].name, name) == 0 &&
			(topics[i].action == NULL || strcmp(topics[i].action, action) == 0))
			return &topics[i];
	}
	return NULL;
}

/* "payload=..." of a form, decoded. */
static char *form_payload(const char *body, size_t length, struct arena *arena, size_t *ret_length)
{
	char *text = arena_alloc(arena, length + 1), *out = text;

	for (size_t i = strlen("payload="); i < length && body[i] != '&'; i++) {
		uint8_t byte;

		if (body[i] == '%' && length - i > 2 && codec_unhex(body + i + 1, 2, &byte)) {
			*out++ = (char)byte;
			i += 2;
		} else {
			*out++ = body[i] == '+' ? ' ' : body[i];
		}
	}
	*ret_length = (size_t)(out - text);
	return text;
}

static int body_parse(
	const char *body, size_t length, struct arena *arena, json_t **ret, struct err *err)
{
	static const char form[] = "payload=";
	int r;

	if (length > GITHUB_EVENT_MAX)
		return err_set(
			err, ERR_LIMIT, "the event is larger than %d bytes", (int)GITHUB_EVENT_MAX);
	if (length > strlen(form) && memcmp(body, form, strlen(form)) == 0)
		body = form_payload(body, length, arena, &length);
	r = jsonx_parse(body, length, GITHUB_EVENT_MAX, ret, err);
	if (r == 0 && !json_is_object(*ret))
		r = err_set(err, ERR_SYNTAX, "the event is not an object");
	return r;
}

int github_event_read(const struct github_site *site, const char *topic, const char *body,
	size_t length, struct arena *arena, struct vcs_event *ret, struct err *err)
{
	struct reading reading = { .site = site, .arena = arena, .event = ret, .err = err };
	_cleanup_json_ json_t *json = NULL;
	const struct topic *found;
	int r = str_empty(topic)
			? err_set(err, ERR_SYNTAX, "the delivery has no " GITHUB_TOPIC_HEADER)
			: body_parse(body, length, arena, &json, err);

	if (r < 0)
		return r;
	*ret = (struct vcs_event){
		.host = site->host, .comment_id = "", .body = "", .review_head = ""
	};
	found = topic_find(topic, github_text(json, "action"));
	reading.body = json;
	if (found == NULL)
		return ignore(&reading, "not one of the events that matter here");
	ret->kind = found->kind;
	return found->read == NULL ? ignore(&reading, found->ignored_why) : found->read(&reading);
}
