/* sluice-git: one call, one repository. The only program that reads git objects; it runs nothing.
 *
 *     sluice-git prepare --job JOB.JSON --data DIR --answer FILE
 *     sluice-git adopt --job JOB.JSON --data DIR --view DIR --layer DIR --answer FILE
 *     sluice-git inspect --repo PATH --base REVISION --head REVISION [--files NAME,NAME] [--cache
 * DIR]
 * [--answer FILE]
 *     sluice-git merge --repo PATH --base BRANCH --head COMMIT --author NAME [--message TEXT]
 * [--method merge|squash|rebase] [--answer FILE]
 *     sluice-git drop --repo PATH --branch NAME --head COMMIT [--answer FILE]
 *
 * Ends with 0: done, 1: failed (the answer says why), 2: wrong usage, 3: head and base cannot be
 * merged, 4: failed, and may go well later. */
#include "orchestrator/lib/fault.h"
#include "orchestrator/lib/jsonx.h"
#include "vcs/git/limits.h"
#include "vcs/git/merge_commit.h"
#include "vcs/git/prepare.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

enum {
	EXIT_DONE = 0,
	EXIT_FAILED = 1,
	EXIT_USAGE = 2,
	EXIT_CONFLICT = 3,
	EXIT_AGAIN = PREPARED_EXIT_AGAIN
};

struct option {
	const char *name;
	const char *value; /* NULL until given */
	bool is_optional;
};

static const char usage_text[] =
	"usage: sluice-git prepare --job JOB.JSON --data DIR --answer FILE\n"
	"       sluice-git adopt --job JOB.JSON --data DIR --view DIR --layer DIR --answer FILE\n"
	"       sluice-git inspect --repo PATH --base REVISION --head REVISION [--files NAME,NAME] "
	"[--cache DIR] [--answer FILE]\n"
	"       sluice-git merge --repo PATH --base BRANCH --head COMMIT --author NAME [--message "
	"TEXT] [--method merge|squash|rebase] [--answer FILE]\n"
	"       sluice-git drop --repo PATH --branch NAME --head COMMIT [--answer FILE]\n";

static int usage(void)
{
	fputs(usage_text, stderr);
	return EXIT_USAGE;
}

static struct option *option_find(struct option *options, size_t count, const char *name)
{
	for (size_t i = 0; i < count; i++) {
		if (strcmp(options[i].name, name) == 0)
			return &options[i];
	}
	return NULL;
}

static bool options_read(int argc, char **argv, struct option *options, size_t count)
{
	for (int i = 0; i + 1 < argc; i += 2) {
		struct option *option = option_find(options, count, argv[i]);

		if (option == NULL || option->value != NULL)
			return false;
		option->value = argv[i + 1];
	}
	for (size_t i = 0; i < count; i++) {
		if (options[i].value == NULL && !options[i].is_optional)
			return false;
	}
	return argc % 2 == 0;
}

/* ---- answers ---- */

static const char *class_name(const struct err *err)
{
	return err->class == ERR_CLASS_TEMP   ? "temp"
	       : err->class == ERR_CLASS_USER ? "user"
					      : "perm";
}

static json_t *failure_write(const struct err *err)
{
	return json_pack("{s:s, s:s}", "error", err->text, "class", class_name(err));
}

/* A result file has a limit, and so has what goes into it. */
static int answer_check(const json_t *answer, struct err *err)
{
	size_t size = json_dumpb(answer, NULL, 0, JSON_COMPACT);

	if (size == 0)
		return err_set(err, ERR_BUG, "the answer cannot be written");
	if (size > LIMIT_ANSWER_BYTES)
		return err_user(err, ERR_LIMIT,
			"the repository has too many folders and changed files to be listed");
	return 0;
}

static int answer_write(const char *path, const json_t *answer, struct err *err)
{
	const char *slash = strrchr(path, '/');
	_cleanup_free_ char *folder = slash == NULL
					      ? mem_strdup(".")
					      : mem_strndup(path,
							slash == path ? 1 : (size_t)(slash - path));
	_cleanup_fd_ int dir = open(folder, O_DIRECTORY | O_RDONLY | O_CLOEXEC);

	if (dir < 0)
		return err_sys(err, ERR_SYSTEM, errno, "cannot open the folder of the answer");
	return jsonx_write_at(dir, slash != NULL ? slash + 1 : path, answer, false, err);
}

/* Takes the answer; r is what the work ended with. */
static int finish(const char *path, json_t *taken, int r, struct err *err)
{
	_cleanup_json_ json_t *answer = taken;

	if (answer != NULL && answer_check(answer, err) < 0) {
		r = -(int)err->code;
		json_decref(answer);
		answer = NULL;
	}
	if (answer == NULL)
		answer = failure_write(err);
	if (r < 0)
		fprintf(stderr, "sluice-git: %s\n", err->text);
	if (path == NULL) {
		json_dumpf(answer, stdout, JSON_COMPACT);
		putchar('\n');
	} else if (answer_write(path, answer, err) < 0) {
		fprintf(stderr, "sluice-git: %s\n", err->text);
		return EXIT_FAILED;
	}
	if (r < 0 && err->class == ERR_CLASS_TEMP)
		return EXIT_AGAIN;
	return r == 0 ? EXIT_DONE : r == -ERR_CONFLICT ? EXIT_CONFLICT : EXIT_FAILED;
}

/* ---- verbs ---- */

static json_t *prepared_answer(const struct prepared *prepared, const struct warnings *warnings)
{
	json_t *answer = json_object();

	json_object_set_new(answer, "prepared", prepared_write(prepared));
	json_object_set_new(answer, "warnings", warnings_write(warnings));
	return answer;
}

/* The work of a job that has a tree of git's in the end. */
struct job_work {
	struct job_spec spec;
	struct arena arena;
	struct warnings warnings;
	struct prepared prepared;
};

static int job_begin(struct job_work *work, const char *path, enum job_op op, struct err *err)
{
	_cleanup_json_ json_t *job = NULL;
	int r = jsonx_read_at(AT_FDCWD, path, LIMIT_JOB_BYTES, &job, err);

	if (r == 0)
		r = job_spec_read(job, &work->arena, &work->spec, err);
	if (r == 0 && work->spec.op != op)
		r = err_set(err, ERR_USAGE, "the job is not a %s job", job_op_name(op));
	return r < 0 ? r : libgit_start(err);
}

static int job_finish(struct job_work *work, const char *path, int r, struct err *err)
{
	json_t *answer = r == 0 || r == -ERR_CONFLICT
				 ? prepared_answer(&work->prepared, &work->warnings)
				 : NULL;
	int code = finish(path, answer, r, err);

	warnings_release(&work->warnings);
	arena_release(&work->arena);
	return code;
}

static int verb_prepare(int argc, char **argv)
{
	struct option options[] = { { .name = "--job" }, { .name = "--data" },
		{ .name = "--answer" } };
	struct job_work work = { .warnings = { .count = 0 } };
	struct err err = { 0 };
	int r;

	if (!options_read(argc, argv, options, countof(options)))
		return usage();
	r = job_begin(&work, options[0].value, JOB_PREPARE, &err);
	if (r == 0)
		r = prepare_run(&work.spec, options[1].value, &work.arena, &work.warnings,
			&work.prepared, &err);
	return job_finish(&work, options[2].value, r, &err);
}

static int verb_adopt(int argc, char **argv)
{
	struct option options[] = { { .name = "--job" }, { .name = "--data" }, { .name = "--view" },
		{ .name = "--layer" }, { .name = "--answer" } };
	struct job_work work = { .warnings = { .count = 0 } };
	struct err err = { 0 };
	int r;

	if (!options_read(argc, argv, options, countof(options)))
		return usage();
	r = job_begin(&work, options[0].value, JOB_HOOKS, &err);
	if (r == 0)
		r = prepare_adopt(&work.spec,
			&(struct adopt_order){
				options[1].value, options[2].value, options[3].value },
			&work.arena, &work.warnings, &work.prepared, &err);
	return job_finish(&work, options[4].value, r, &err);
}

/* "a,b" */
static void names_split(const char *text, struct arena *arena, struct inspect_order *order)
{
	while (!str_empty(text)) {
		size_t length = strcspn(text, ",");

		order->config_files = arena_push(arena, (void *)order->config_files,
			order->config_file_count, sizeof(char *));
		order->config_files[order->config_file_count++] = arena_strndup(
			arena, text, length);
		text += length;
		text += *text == ',';
	}
}

static int verb_inspect(int argc, char **argv)
{
	struct option options[] = { { .name = "--repo" }, { .name = "--base" },
		{ .name = "--head" }, { .name = "--files", .is_optional = true },
		{ .name = "--cache", .is_optional = true },
		{ .name = "--answer", .is_optional = true } };
	struct inspect_order order = { .repo = NULL };
	struct arena arena = { 0 };
	struct warnings warnings = { .count = 0 };
	struct prepared prepared;
	json_t *answer = NULL;
	struct err err = { 0 };
	int r;

	if (!options_read(argc, argv, options, countof(options)))
		return usage();
	order.repo = options[0].value;
	order.base = options[1].value;
	order.head = options[2].value;
	order.cache = options[4].value;
	names_split(options[3].value, &arena, &order);
	r = libgit_start(&err);
	if (r == 0)
		r = prepare_inspect(&order, &arena, &warnings, &prepared, &err);
	if (r == 0 || r == -ERR_CONFLICT)
		answer = prepared_answer(&prepared, &warnings);
	r = finish(options[5].value, answer, r, &err);
	warnings_release(&warnings);
	arena_release(&arena);
	return r;
}

static int verb_merge(int argc, char **argv)
{
	struct option options[] = { { .name = "--repo" }, { .name = "--base" },
		{ .name = "--head" }, { .name = "--author" },
		{ .name = "--message", .is_optional = true },
		{ .name = "--method", .is_optional = true },
		{ .name = "--answer", .is_optional = true } };
	const char *method;
	char merged[GIT_OID_HEXSZ + 1];
	json_t *answer = NULL;
	struct err err = { 0 };
	int r;

	if (!options_read(argc, argv, options, countof(options)))
		return usage();
	method = options[5].value == NULL ? "merge" : options[5].value;
	if (!str_equal(method, "merge") && !str_equal(method, "squash") &&
		!str_equal(method, "rebase"))
		return usage();
	r = libgit_start(&err);
	if (r == 0)
		r = merge_commit(
			&(struct merge_order){ .method = str_equal(method, "squash") ? MERGE_SQUASH
							 : str_equal(method, "rebase")
								 ? MERGE_REBASE
								 : MERGE_COMMIT,
				.repo = options[0].value,
				.base = options[1].value,
				.head = options[2].value,
				.author = options[3].value,
				.message = options[4].value },
			merged, &err);
	if (r == 0)
		answer = json_pack("{s:s}", "merged", merged);
	return finish(options[6].value, answer, r, &err);
}

static int verb_drop(int argc, char **argv)
{
	struct option options[] = { { .name = "--repo" }, { .name = "--branch" },
		{ .name = "--head" }, { .name = "--answer", .is_optional = true } };
	json_t *answer = NULL;
	struct err err = { 0 };
	bool is_gone = false;
	int r;

	if (!options_read(argc, argv, options, countof(options)))
		return usage();
	r = libgit_start(&err);
	if (r == 0)
		r = merge_drop_branch(
			options[0].value, options[1].value, options[2].value, &is_gone, &err);
	if (r == 0)
		answer = json_pack("{s:b}", "gone", is_gone);
	return finish(options[3].value, answer, r, &err);
}

static const struct verb {
	const char *name;
	int (*run)(int argc, char **argv);
} verbs[] = {
	{ "prepare", verb_prepare },
	{ "adopt", verb_adopt },
	{ "inspect", verb_inspect },
	{ "merge", verb_merge },
	{ "drop", verb_drop },
};

#ifdef __SANITIZE_ADDRESS__
/* In a sandbox nothing can look around for leaks; ASAN_OPTIONS asks for it where that works. */
const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
	return "detect_leaks=0";
}
#endif

int main(int argc, char **argv)
{
	umask(022);
	fault_init(getenv("SLUICE_FAULT"), getenv("SLUICE_FAULT_LOG"));
	for (size_t i = 0; argc > 1 && i < countof(verbs); i++) {
		if (strcmp(argv[1], verbs[i].name) == 0)
			return verbs[i].run(argc - 2, argv + 2);
	}
	return usage();
}
