/* Merges of the local host. sluice-git, a program of its own with an empty environment, changes the
 * repository; the pull request is moved when it has ended. Asked for again after a crash between
 * the two, it finds what stands there. */
#include "vcs/local/local_merge.h"
#include "orchestrator/lib/jsonx.h"
#include "orchestrator/lib/program.h"
#include "vcs/local/local_door.h"
#include "vcs/local/local_names.h"
#include "vcs/local/local_repo.h"
#include <string.h>

enum { GIT_TIMEOUT_MS = 60000 };

struct local_merge {
	struct list in_host;
	struct local_host *host;
	struct program *program;
	enum host_call call;
	int64_t number;
	char *head;
	host_done_cb done;
	void *owner;
};

static void merge_free(struct local_merge *merge)
{
	list_remove(&merge->in_host);
	program_free(merge->program);
	free(merge->head);
	free(merge);
}

/* ---- what stands there ---- */

/* false in *ret_needed: nothing is to be done any more. */
static int merge_check(struct local_host *host, const struct host_request *request,
	const json_t *pull, const char *path, bool *ret_needed, struct err *err)
{
	bool is_merged = str_equal(local_text(pull, "state"), "merged");
	char tip[OID_HEX + 1] = "";
	int r;

	*ret_needed = request->call == HOST_BRANCH_DELETE ? is_merged : !is_merged;
	if (str_empty(request->head) || !local_oid_is_valid(request->head) || host->loop == NULL ||
		host->git_program == NULL)
		return err_set(err, ERR_BUG, "a merge needs a commit, and a program that makes it");
	if (request->call == HOST_BRANCH_DELETE)
		return 0;
	if (!str_equal(local_text(pull, "head"), request->head))
		return err_user(err, ERR_STALE,
			"there is a newer push, and only what was applied is merged");
	if (is_merged)
		return 0;
	if (!str_equal(local_text(pull, "state"), "open"))
		return err_user(err, ERR_REFUSED, "the pull request was closed");
	r = local_repo_branch(path, local_text(pull, "head_ref"), tip, err);
	if (r == 0 && !str_equal(tip, request->head))
		return err_user(err, ERR_STALE,
			"there is a newer push, and only what was applied is merged");
	return r == -ERR_MISSING ? err_user(err, ERR_REFUSED, "its branch is gone") : r;
}

/* ---- its end ---- */

static int merged(struct local_merge *merge, const char *commit, struct err *err)
{
	struct local_host *host = merge->host;
	_cleanup_json_ json_t *pull = NULL;
	int r = local_pull_load(host, merge->number, &pull, err);

	if (r < 0 || !str_equal(local_text(pull, "state"), "open"))
		return r;
	json_object_set_new(pull, "state", json_string("merged"));
	json_object_set_new(pull, "merge_commit", json_string(commit));
	json_object_set_new(pull, "merged_by", json_string("sluice"));
	r = local_open_set(host, local_text(pull, "repo"), merge->number, false, err);
	if (r == 0)
		r = local_pull_store(host, pull, err);
	return r < 0 ? r
		     : local_deliver(host, VCS_PULL_MERGED, pull, "sluice",
			       (struct local_person){ .may_write = true }, NULL, NULL, err);
}

static int merged_whole(struct local_merge *merge, const char *commit, struct err *err)
{
	const struct shelf *shelf = merge->host->shelf;
	struct err ignored;
	int r = shelf->begin(shelf->owner, err);

	if (r < 0)
		return r;
	r = merged(merge, commit, err);
	if (r == 0)
		return shelf->end(shelf->owner, true, err);
	(void)!shelf->end(shelf->owner, false, &ignored);
	return r;
}

/* Its answer says more than its exit code: the text is for people. */
static int end_read(struct local_merge *merge, const struct program_end *end,
	const struct err *ended, struct err *err)
{
	_cleanup_json_ json_t *answer = NULL;
	struct err unreadable;
	const char *commit;

	if (jsonx_parse(end->output, end->length, PROGRAM_OUTPUT_MAX, &answer, &unreadable) < 0)
		answer = NULL;
	if (ended != NULL && answer != NULL && local_text(answer, "error")[0] != '\0')
		return err_class_set(err, ERR_REFUSED,
			str_equal(local_text(answer, "class"), "temporary") ? ERR_CLASS_TEMP
									    : ERR_CLASS_USER,
			"%s", local_text(answer, "error"));
	if (ended != NULL) {
		*err = *ended;
		return -(int)err->code;
	}
	commit = local_text(answer, "merged");
	if (merge->call == HOST_BRANCH_DELETE)
		return 0;
	return local_oid_is_valid(commit)
		       ? merged_whole(merge, commit, err)
		       : err_set(err, ERR_BUG, "sluice-git does not say what it merged");
}

static void on_end(void *owner, const struct program_end *end, const struct err *ended)
{
	struct local_merge *merge = owner;
	struct local_host *host = merge->host;
	struct host_answer answer = { .pull_count = 0 };
	struct err err;
	int r = end_read(merge, end, ended, &err);

	merge->done(merge->owner, r < 0 ? NULL : &answer, r < 0 ? &err : NULL);
	merge_free(merge);
	if (host->wake != NULL)
		host->wake(host->owner);
}

/* ---- its begin ---- */

static void words_of(const struct host_request *request, const json_t *pull, const char *path,
	struct strvec *argv)
{
	_cleanup_free_ char *message = mem_printf(
		"%s (#%lld)\n", local_text(pull, "title"), (long long)request->number);
	const char *method = str_empty(request->method) ? "merge" : request->method;
	bool is_drop = request->call == HOST_BRANCH_DELETE;
	const char *const merge[] = { "merge", "--repo", path, "--base",
		local_text(pull, "base_ref"), "--head", request->head, "--author", "sluice",
		"--method", method, "--message", message };
	const char *const drop[] = { "drop", "--repo", path, "--branch",
		local_text(pull, "head_ref"), "--head", request->head };

	for (size_t i = 0; i < (is_drop ? countof(drop) : countof(merge)); i++)
		strvec_push(argv, (is_drop ? drop : merge)[i]);
}

static int begin(struct local_merge *merge, const struct host_request *request, bool *ret_needed,
	struct err *err)
{
	struct local_host *host = merge->host;
	_cleanup_strvec_ struct strvec argv = { 0 }, env = { 0 };
	_cleanup_json_ json_t *pull = NULL, *repo = NULL;
	int r = local_pull_load(host, request->number, &pull, err);

	if (r == 0 && !str_equal(local_text(pull, "repo"), request->repo))
		r = err_set(err, ERR_MISSING, "there is no such pull request in this repository");
	if (r == 0)
		r = local_repo_load(host, request->repo, &repo, err);
	if (r == 0)
		r = merge_check(host, request, pull, local_text(repo, "path"), ret_needed, err);
	if (r < 0 || !*ret_needed)
		return r;
	strvec_push(&argv, host->git_program);
	words_of(request, pull, local_text(repo, "path"), &argv);
	return program_start(host->loop, &(struct program_order){ &argv, &env, GIT_TIMEOUT_MS },
		on_end, merge, &merge->program, err);
}

void local_merge_send(
	struct local_host *host, const struct host_request *request, host_done_cb done, void *owner)
{
	struct local_merge *merge = mem_alloc(sizeof(*merge));
	struct host_answer answer = { .pull_count = 0 };
	bool is_needed = false;
	struct err err;
	int r;

	*merge = (struct local_merge){ .host = host,
		.call = request->call,
		.number = request->number,
		.head = mem_strdup(request->head != NULL ? request->head : ""),
		.done = done,
		.owner = owner };
	list_append(&host->merges, &merge->in_host);
	r = begin(merge, request, &is_needed, &err);
	if (r == 0 && is_needed)
		return;
	merge_free(merge);
	done(owner, r < 0 ? NULL : &answer, r < 0 ? &err : NULL);
}

void local_merges_end(struct local_host *host)
{
	struct err err;

	err_class_set(&err, ERR_SYSTEM, ERR_CLASS_TEMP, "the server stops");
	list_for_each (item, &host->merges) {
		struct local_merge *merge = container_of(item, struct local_merge, in_host);

		merge->done(merge->owner, NULL, &err);
		merge_free(merge);
	}
}
