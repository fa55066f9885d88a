/* Repositories, people, and pushes into a repository. */
#include "orchestrator/lib/codec.h"
#include "orchestrator/lib/jsonx.h"
#include "vcs/local/local_door.h"
#include "vcs/local/local_event.h"
#include "vcs/local/local_host.h"
#include "vcs/local/local_names.h"
#include "vcs/local/local_repo.h"
#include <limits.h>
#include <string.h>

enum { PUSHED_REFS_MAX = 10000, HOOK_MAX = 3 * PATH_MAX };

static const char branch_prefix[] = "refs/heads/";

/* ---- repositories ---- */

int local_repos_get(struct local_call *call)
{
	struct shelf *shelf = call->host->shelf;

	return shelf->list(shelf->owner, "local/repo/", &call->answer, call->err);
}

static int repo_exists(struct local_call *call, const char *name, bool *ret)
{
	_cleanup_json_ json_t *present = NULL;
	int r = local_repo_load(call->host, name, &present, call->err);

	*ret = r == 0;
	return r == -ERR_MISSING ? 0 : r;
}

/* The folder, made or looked at; the document that describes it. */
static int repo_place(struct local_call *call, const char *name, const char *import, json_t **ret)
{
	_cleanup_strbuf_ struct strbuf hook = STRBUF(HOOK_MAX);
	_cleanup_free_ char *path = NULL;
	bool is_hook_set = true;
	int r;

	local_repo_hook(call->host->program, call->host->data_dir, name, &hook);
	if (hook.overflowed)
		return err_user(call->err, ERR_LIMIT, "the path of the data folder is too long");
	if (import[0] != '\0') {
		r = local_repo_adopt(import, strbuf_text(&hook), &is_hook_set, call->err);
		path = mem_strdup(import);
	} else {
		r = local_repo_make(
			call->host->data_dir, name, strbuf_text(&hook), &path, call->err);
	}
	if (r < 0)
		return r;
	*ret = json_pack("{s:s, s:s, s:b, s:b, s:s, s:I}", "name", name, "path", path, "imported",
		import[0] != '\0', "hook_set", is_hook_set, "hook", strbuf_text(&hook),
		"created_ms", (json_int_t)clock_wall_ms(call->host->clock));
	return *ret != NULL ? 0 : err_user(call->err, ERR_USAGE, "the path is not UTF-8");
}

int local_repos_post(struct local_call *call)
{
	struct jsonx reader = jsonx_reader(call->body, "the request", call->err);
	const char *name = jsonx_string(&reader, "name");
	const char *import = jsonx_string_or(&reader, "import", "");
	_cleanup_json_ json_t *repo = NULL;
	bool exists = false;
	int r = reader.failed;

	if (r == 0 && !local_repo_is_valid(name))
		return err_user(call->err, ERR_USAGE,
			"a repository's name is letters, digits, dots, dashes and underscores, "
			"with one slash at most");
	if (r == 0)
		r = repo_exists(call, name, &exists);
	if (r == 0 && exists)
		return err_user(call->err, ERR_EXISTS, "there is a repository %s already", name);
	if (r == 0)
		r = repo_place(call, name, import, &repo);
	if (r == 0)
		r = local_repo_store(call->host, repo, call->err);
	if (r == 0) {
		call->answer = steal_ptr(repo);
		call->status = 201;
	}
	return r;
}

/* ---- people ---- */

int local_people_get(struct local_call *call)
{
	return local_people_load(call->host, &call->answer, call->err);
}

int local_people_post(struct local_call *call)
{
	struct jsonx reader = jsonx_reader(call->body, "the request", call->err);
	bool may_write = jsonx_bool_or(&reader, "may_write", true);
	bool is_bot = jsonx_bool_or(&reader, "is_bot", false);
	_cleanup_json_ json_t *people = NULL;
	struct local_person before;
	const char *name;
	int r = reader.failed;

	if (r == 0)
		r = local_speaker(call, "name", &name, &before);
	if (r == 0)
		r = local_people_load(call->host, &people, call->err);
	if (r < 0)
		return r;
	if (json_object_size(people) >= LOCAL_PEOPLE_MAX)
		return err_user(call->err, ERR_LIMIT, "more than %d people", LOCAL_PEOPLE_MAX);
	json_object_set_new(
		people, name, json_pack("{s:b, s:b}", "may_write", may_write, "is_bot", is_bot));
	r = local_people_store(call->host, people, call->err);
	if (r == 0)
		call->answer = steal_ptr(people);
	return r;
}

/* ---- pushes ---- */

struct push {
	const char *pusher;
	struct local_person person;
	json_t *repo;
	int pulls; /* moved */
};

static int head_moved(struct local_call *call, struct push *push, json_t *pull, const char *head)
{
	int r;

	json_object_set_new(pull, "head", json_string(head));
	json_object_set_new(pull, "pusher", json_string(push->pusher));
	r = local_pull_store(call->host, pull, call->err);
	if (r == 0)
		r = local_deliver(call->host, VCS_PULL_PUSHED, pull, push->pusher, push->person,
			NULL, NULL, call->err);
	push->pulls++;
	return r;
}

static int head_deleted(struct local_call *call, struct push *push, json_t *pull)
{
	int r = local_open_set(call->host, local_text(pull, "repo"), local_number(pull, "number"),
		false, call->err);

	if (r < 0)
		return r;
	json_object_set_new(pull, "state", json_string("closed"));
	r = local_pull_store(call->host, pull, call->err);
	if (r == 0)
		r = local_deliver(call->host, VCS_PULL_CLOSED, pull, push->pusher, push->person,
			NULL, NULL, call->err);
	push->pulls++;
	return r;
}

/* Only a branch that still is where this push left it counts: who pushed again since then will say
 * so, and is the one who brought that head. */
static int branch_pushed(struct local_call *call, struct push *push, const json_t *open,
	const char *branch, const char *new)
{
	bool is_deleted = strspn(new, "0") == OID_HEX;
	char tip[OID_HEX + 1] = "";
	int r = local_repo_branch(local_text(push->repo, "path"), branch, tip, call->err);

	if (r < 0 && r != -ERR_MISSING)
		return r;
	if (is_deleted != (r == -ERR_MISSING) || (!is_deleted && strcmp(tip, new) != 0))
		return 0;
	r = is_deleted ? 0
		       : local_pushed_store(call->host, local_text(push->repo, "name"), branch, new,
				 push->pusher, call->err);
	for (size_t i = 0; i < json_array_size(open) && r == 0; i++) {
		_cleanup_json_ json_t *pull = NULL;

		r = local_pull_load(
			call->host, json_integer_value(json_array_get(open, i)), &pull, call->err);
		if (r < 0 || strcmp(local_text(pull, "head_ref"), branch) != 0)
			continue;
		if (is_deleted)
			r = head_deleted(call, push, pull);
		else if (strcmp(local_text(pull, "head"), new) != 0)
			r = head_moved(call, push, pull, new);
	}
	return r;
}

static int refs_check(struct local_call *call, const json_t *refs)
{
	const json_t *item;
	size_t i;

	if (json_array_size(refs) > PUSHED_REFS_MAX)
		return err_user(call->err, ERR_LIMIT, "more than %d references", PUSHED_REFS_MAX);
	json_array_foreach (refs, i, item) {
		struct jsonx reader = jsonx_reader(item, "a pushed reference", call->err);
		const char *new = jsonx_string(&reader, "new");

		(void)jsonx_string(&reader, "ref");
		if (reader.failed < 0)
			return reader.failed;
		if (!local_oid_is_valid(new))
			return err_user(call->err, ERR_USAGE, "\"new\" is not a commit id");
	}
	return 0;
}

static int refs_pushed(struct local_call *call, struct push *push, const json_t *refs)
{
	_cleanup_json_ json_t *open = NULL;
	const json_t *item;
	size_t i;
	int r = local_open_load(call->host, local_text(push->repo, "name"), &open, call->err);

	if (r < 0)
		return r;
	json_array_foreach (refs, i, item) {
		const char *ref = local_text(item, "ref");

		if (!str_starts(ref, branch_prefix) ||
			!local_branch_is_valid(ref + strlen(branch_prefix)))
			continue; /* a tag, a note: of no pull */
		r = branch_pushed(
			call, push, open, ref + strlen(branch_prefix), local_text(item, "new"));
		if (r < 0)
			return r;
	}
	return 0;
}

int local_push_post(struct local_call *call)
{
	struct jsonx reader = jsonx_reader(call->body, "the request", call->err);
	const char *name = jsonx_string(&reader, "repo");
	const json_t *refs = jsonx_array_or(&reader, "refs");
	struct push push = { .pulls = 0 };
	int r = reader.failed;

	if (r == 0 && !local_repo_is_valid(name))
		return err_user(call->err, ERR_USAGE, "that is not the name of a repository");
	if (r == 0)
		r = local_speaker(call, "pusher", &push.pusher, &push.person);
	if (r == 0)
		r = refs_check(call, refs);
	if (r == 0)
		r = local_repo_load(call->host, name, &push.repo, call->err);
	if (r == 0)
		r = refs_pushed(call, &push, refs);
	if (r == 0)
		call->answer = json_pack("{s:i}", "pulls", push.pulls);
	json_decref(push.repo);
	return r;
}

/* "old new ref", as git gives it to the hook. */
static int line_read(const char *line, size_t length, json_t *refs, struct err *err)
{
	_cleanup_free_ char *text = mem_strndup(line, length);
	json_t *item;

	if (length <= 2 * (OID_HEX + 1) || text[OID_HEX] != ' ' || text[2 * OID_HEX + 1] != ' ')
		return err_set(err, ERR_SYNTAX, "that is not what git tells a receive hook");
	text[OID_HEX] = text[2 * OID_HEX + 1] = '\0';
	item = json_pack("{s:s, s:s, s:s}", "old", text, "new", text + OID_HEX + 1, "ref",
		text + 2 * (OID_HEX + 1));
	if (item != NULL) /* a name that is not UTF-8 is none of a pull's branch */
		json_array_append_new(refs, item);
	return 0;
}

int local_push_body(const char *repo, const char *pusher, const char *lines, size_t length,
	struct strbuf *ret, struct err *err)
{
	_cleanup_json_ json_t *body = json_pack(
		"{s:s, s:s, s:[]}", "repo", repo, "pusher", pusher, "refs");
	_cleanup_free_ char *text = NULL;
	const char *end = lines + length;
	int r = 0;

	if (body == NULL)
		return err_set(
			err, ERR_SYNTAX, "the name of the repository or person is not UTF-8");
	while (r == 0 && lines < end) {
		const char *line_end = memchr(lines, '\n', (size_t)(end - lines));
		size_t step = line_end != NULL ? (size_t)(line_end - lines) : (size_t)(end - lines);

		r = line_read(lines, step, json_object_get(body, "refs"), err);
		lines += step + (line_end != NULL);
	}
	if (r < 0)
		return r;
	text = jsonx_text(body);
	strbuf_puts(ret, text);
	return ret->overflowed ? err_set(err, ERR_LIMIT, "too many references were pushed") : 0;
}
