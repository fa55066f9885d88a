/* Answers from the store, as JSON. Reading only, but for commands, which go through the inbox. */
#include "orchestrator/http/private.h"

#include "orchestrator/lib/jsonx.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

enum { RUNS_SHOWN = 100, LIVE_TAIL = 32 << 10 };

void api_pulls(struct http_call *call)
{
	_cleanup_(arena_release) struct arena arena = { 0 };
	json_t *list = json_array();
	struct pull *pulls = NULL;
	struct err err;
	size_t count = 0;

	if (store_pull_list(api_store(call), &arena, 0, 1000, &pulls, &count, &err) < 0) {
		json_decref(list);
		api_fail(call, &err);
		return;
	}
	for (size_t i = 0; i < count; i++)
		json_array_append_new(
			list, json_pack("{s:I, s:s, s:s, s:I, s:s, s:s, s:s, s:s, s:I}", "id",
				      (json_int_t)pulls[i].id.v, "host", pulls[i].host, "repo",
				      pulls[i].repo, "number", (json_int_t)pulls[i].number, "state",
				      pull_state_name(pulls[i].state), "author", pulls[i].author,
				      "title", pulls[i].title, "head", pulls[i].head, "plan_run",
				      (json_int_t)pulls[i].plan_run.v));
	http_json(call, list);
}

/* NULL: it cannot be read, says err. */
static json_t *run_json(
	struct http_call *call, struct arena *arena, const struct run *run, struct err *err)
{
	struct pull pull;
	json_t *json;

	if (store_pull_load(api_store(call), arena, run->pull_id, &pull, err) < 0)
		return NULL;
	json = json_pack("{s:I, s:s, s:I, s:s, s:s, s:s, s:s, s:s}", "id", (json_int_t)run->id.v,
		"repo", pull.repo, "pull", (json_int_t)pull.number, "kind",
		run_kind_name(run->kind), "state", run_state_name(run->state), "head", run->head,
		"actor", run->actor, "failure", run->failure);
	json_object_set_new(json, "created_ms", json_integer(run->created_ms));
	json_object_set_new(json, "ended_ms", json_integer(run->ended_ms));
	return json;
}

void api_runs(struct http_call *call)
{
	_cleanup_(arena_release) struct arena arena = { 0 };
	json_t *list = json_array();
	struct run *runs = NULL;
	struct err err;
	size_t count = 0;

	if (store_run_list_recent(api_store(call), &arena, RUNS_SHOWN, &runs, &count, &err) < 0) {
		json_decref(list);
		api_fail(call, &err);
		return;
	}
	for (size_t i = 0; i < count; i++) {
		json_t *run = run_json(call, &arena, &runs[i], &err);

		if (run == NULL) {
			json_decref(list);
			api_fail(call, &err);
			return;
		}
		json_array_append_new(list, run);
	}
	http_json(call, list);
}

/* The last bytes of what a living job prints, already masked by its supervisor. */
static char *live_output(const struct http_call *call, const struct job *job)
{
	_cleanup_free_ char *path = mem_printf("%s/jobs/%lld-%d/output.log",
		http_options(call->http)->settings->data_dir, (long long)job->id.v, job->attempt);
	_cleanup_fd_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	char *text = mem_alloc(LIVE_TAIL + 1);
	struct stat st;
	ssize_t got;

	if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
		return text;
	got = pread(fd, text, LIVE_TAIL, st.st_size > LIVE_TAIL ? st.st_size - LIVE_TAIL : 0);
	text[got < 0 ? 0 : got] = '\0';
	return text;
}

static json_t *job_json(const struct http_call *call, const struct job *job)
{
	bool is_open = job->state == JOB_STARTING || job->state == JOB_RUNNING;
	_cleanup_free_ char *live = is_open ? live_output(call, job) : NULL;
	json_t *json = json_pack("{s:I, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:b, s:b}", "id",
		(json_int_t)job->id.v, "op", job_op_name(job->op), "project", job->project, "dir",
		job->dir, "workspace", job->workspace, "state", job_state_name(job->state),
		"outcome", job_outcome_name(job->outcome), "plan", job->plan_blob, "has_changes",
		job->has_changes, "is_applied", job->is_applied);

	json_object_set_new(json, "attempt", json_integer(job->attempt));
	json_object_set_new(json, "step", jsonx_any(job->step));
	json_object_set_new(json, "failure", jsonx_any(job->failure));
	json_object_set_new(json, "output", jsonx_any(is_open ? live : job->output));
	return json;
}

void api_run(struct http_call *call)
{
	_cleanup_(arena_release) struct arena arena = { 0 };
	struct run_id id = { strtoll(call->rest, NULL, 10) };
	json_t *json = NULL, *jobs_list, *history_list;
	struct history_row *history = NULL;
	struct job *jobs = NULL;
	size_t job_count = 0, history_count = 0;
	struct err err;
	struct run run;
	int r = store_run_load(api_store(call), &arena, id, &run, &err);

	if (r == 0)
		r = store_job_list_run(api_store(call), &arena, id, &jobs, &job_count, &err);
	if (r == 0)
		r = store_history_list(api_store(call), &arena, id, &history, &history_count, &err);
	if (r == 0)
		json = run_json(call, &arena, &run, &err);
	if (json == NULL) {
		api_fail(call, &err);
		return;
	}
	jobs_list = json_array();
	history_list = json_array();
	for (size_t i = 0; i < job_count; i++)
		json_array_append_new(jobs_list, job_json(call, &jobs[i]));
	for (size_t i = 0; i < history_count; i++)
		json_array_append_new(history_list,
			json_pack("{s:I, s:s, s:s, s:s, s:s}", "at_ms",
				(json_int_t)history[i].at_ms, "subject", history[i].subject, "from",
				history[i].from, "to", history[i].to, "why", history[i].why));
	json_object_set_new(json, "jobs", jobs_list);
	json_object_set_new(json, "history", history_list);
	http_json(call, json);
}

void api_locks(struct http_call *call)
{
	_cleanup_(arena_release) struct arena arena = { 0 };
	json_t *list = json_array();
	struct lock_row *locks = NULL;
	struct err err;
	size_t count = 0;

	if (store_lock_list(api_store(call), &arena, &locks, &count, &err) < 0) {
		json_decref(list);
		api_fail(call, &err);
		return;
	}
	for (size_t i = 0; i < count; i++)
		json_array_append_new(
			list, json_pack("{s:s, s:s, s:s, s:I, s:s, s:i, s:I}", "repo",
				      locks[i].repo_name, "dir", locks[i].dir, "workspace",
				      locks[i].workspace, "pull", (json_int_t)locks[i].pull_number,
				      "author", locks[i].author, "place", locks[i].place,
				      "since_ms", (json_int_t)locks[i].since_ms));
	http_json(call, list);
}

void api_queue(struct http_call *call)
{
	static const enum job_state states[] = { JOB_RUNNING, JOB_STARTING, JOB_WAITING, JOB_HELD,
		JOB_BLOCKED };
	_cleanup_(arena_release) struct arena arena = { 0 };
	json_t *list = json_array();

	for (size_t i = 0; i < countof(states); i++) {
		struct job *jobs = NULL;
		struct err err;
		size_t count = 0;

		if (store_job_list_state(
			    api_store(call), &arena, states[i], 1000, &jobs, &count, &err) < 0) {
			json_decref(list);
			api_fail(call, &err);
			return;
		}
		for (size_t k = 0; k < count; k++)
			json_array_append_new(list, job_json(call, &jobs[k]));
	}
	http_json(call, list);
}

void api_gates(struct http_call *call)
{
	struct pull_id id = { strtoll(call->rest, NULL, 10) };
	json_t *json = NULL;
	struct err err;
	int r = engine_gates(
		http_options(call->http)->engine, id, http_query(call, "approve"), &json, &err);

	if (r == -ERR_BUSY) {
		call->status = 202;
		http_json(call, json_pack("{s:b}", "waits", 1));
	} else if (r == -ERR_STALE) {
		http_fail(call, 404, "", "%s", err.text);
	} else if (r < 0) {
		api_fail(call, &err);
	} else {
		http_json(call, json);
	}
}

void api_command(struct http_call *call)
{
	_cleanup_json_ json_t *json = NULL;
	struct err err = { 0 };
	struct jsonx reader;
	const char *host, *repo, *actor, *text;
	int64_t number;

	if (jsonx_parse(call->body, call->length, 1 << 16, &json, &err) < 0) {
		http_fail(call, 400, "", "%s", err.text);
		return;
	}
	reader = jsonx_reader(json, "the command", &err);
	host = jsonx_string_or(&reader, "host", "local");
	repo = jsonx_string(&reader, "repo");
	number = jsonx_int(&reader, "number");
	actor = jsonx_string(&reader, "actor");
	text = jsonx_string(&reader, "text");
	call->status = 202;
	http_json(call, json_pack("{s:b}", "accepted", 1));
	if (reader.failed != 0 ||
		engine_operator_command(http_options(call->http)->engine, host, repo, number, actor,
			text, http_accepted, http_wait(call), &err) < 0) {
		call->waits = false;
		http_fail(call, 400, "", "%s", err.text);
	}
}

void api_reload(struct http_call *call)
{
	const struct http_options *options = http_options(call->http);
	int64_t generation = 0;
	struct err err = { 0 };
	int r = options->reload(options->owner, &generation, &err);

	if (r == 0) {
		http_json(call, json_pack("{s:I}", "generation", (json_int_t)generation));
		return;
	}
	call->status = r == -ERR_CONFIG || r == -ERR_USAGE ? 422 : 503;
	http_json(call, json_pack("{s:s, s:s}", "error",
				r == -ERR_CONFIG ? options->warning(options->owner) : err.text,
				"hint", "the configuration that was read before stays in use"));
}
